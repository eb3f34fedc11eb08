/** Floats as half precision holds them. */

/** Each value rounded to half precision, half to even; too large ones become infinite. Rounds a copy. */
export function roundedToHalf(values: Float32Array): Float32Array {
  const floats = values.slice()
  const words = new Uint32Array(floats.buffer)
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number
    const magnitude = word & MAGNITUDE
    if (magnitude >= OVERFLOW) {
      if (magnitude <= INFINITY) words[i] = (word & SIGN) | INFINITY
    } else if (magnitude >= LEAST_NORMAL) words[i] = (word + HALF_UNIT + ((word >>> DROPPED) & 1)) & ~UNIT_MASK
    else floats[i] = Math.fround((floats[i] as number) + SUBNORMAL) - SUBNORMAL
  }
  return floats
}

// Of float32 words.
const SIGN = 0x80000000
const MAGNITUDE = 0x7fffffff
const INFINITY = 0x7f800000
const OVERFLOW = 0x477ff000 // half way between 65504, the largest half, and 65536
const LEAST_NORMAL = 0x38800000 // 2^-14
const DROPPED = 13 // bits of fraction that half precision lacks
const UNIT_MASK = 2 ** DROPPED - 1
const HALF_UNIT = UNIT_MASK >> 1
const SUBNORMAL = 0.75 // float32 steps by 2^-24 there, as halves below 2^-14 do
