/** llama.cpp's "k-quants": 256 weights in groups of 16 or 32, whose scales are whole numbers times a scale of the block. */
import { counted, type PackedBlocks } from './packed-blocks.js'

const SIZE = 256

/** code * scale - least: codes of two bits, in groups of 16. */
export const q2k = block('Q2_K', 84, {
  group: 16,
  table: counted(0, 16),
  codes: (bytes, to) => quarters(bytes, 16, to),
  scaleAt: 80,
  groupScales(bytes, to) {
    for (let group = 0; group < 16; group++) to[group] = (bytes[group] as number) & 15
  },
  least: {
    at: 82,
    sign: -1,
    groupScales(bytes, to) {
      for (let group = 0; group < 16; group++) to[group] = (bytes[group] as number) >> 4
    },
  },
})

/** (code - 4) * scale: codes of three bits, whose upper bits lie apart, in groups of 16. */
export const q3k = block('Q3_K', 110, {
  group: 16,
  table: counted(-4, 16),
  codes(bytes, to) {
    quarters(bytes, 32, to)
    for (let i = 0; i < SIZE; i++) to[i] = (to[i] as number) | ((((bytes[i & 31] as number) >> (i >> 5)) & 1) << 2)
  },
  scaleAt: 108,
  groupScales(bytes, to) {
    for (let group = 0; group < 16; group++) {
      const low = ((bytes[96 + (group & 7)] as number) >> (4 * (group >> 3))) & 15
      const high = ((bytes[104 + (group & 3)] as number) >> (2 * (group >> 2))) & 3
      to[group] = (low | (high << 4)) - 32
    }
  },
})

/** code * scale - least: codes of four bits, in groups of 32. */
export const q4k = block('Q4_K', 144, {
  group: 32,
  table: counted(0, 16),
  codes: (bytes, to) => pairsOfGroups(bytes, 16, to),
  scaleAt: 0,
  groupScales: (bytes, to) => sixBits(bytes, 4, to),
  least: { at: 2, sign: -1, groupScales: (bytes, to) => sixBits(bytes, 8, to) },
})

/** code * scale - least: codes of five bits, whose upper bits lie apart, in groups of 32. */
export const q5k = block('Q5_K', 176, {
  group: 32,
  codes(bytes, to) {
    pairsOfGroups(bytes, 48, to)
    for (let i = 0; i < SIZE; i++)
      to[i] = (to[i] as number) | ((((bytes[16 + (i & 31)] as number) >> (i >> 5)) & 1) << 4)
  },
  scaleAt: 0,
  groupScales: (bytes, to) => sixBits(bytes, 4, to),
  least: { at: 2, sign: -1, groupScales: (bytes, to) => sixBits(bytes, 8, to) },
})

/** (code - 32) * scale: codes of six bits, in groups of 16 with scales of eight bits. */
export const q6k = block('Q6_K', 210, {
  group: 16,
  codes(bytes, to) {
    for (let i = 0; i < SIZE; i++) {
      const [half, quarter, l] = [i >> 7, (i >> 5) & 3, i & 31]
      const low = ((bytes[64 * half + l + 32 * (quarter & 1)] as number) >> (4 * (quarter >> 1))) & 15
      const high = ((bytes[128 + 32 * half + l] as number) >> (2 * quarter)) & 3
      to[i] = (low | (high << 4)) - 32
    }
  },
  scaleAt: 208,
  groupScales: (bytes, to) => to.set(bytes.subarray(192, 208)),
})

// Two bits of each: a byte has a code of four rows of 32, one of each.
function quarters(bytes: Uint8Array, from: number, to: Uint8Array): void {
  for (let i = 0; i < SIZE; i++)
    to[i] = ((bytes[from + 32 * (i >> 7) + (i & 31)] as number) >> (2 * ((i >> 5) & 3))) & 3
}

// The lower halves of 32 bytes are a group, the upper halves the next.
function pairsOfGroups(bytes: Uint8Array, from: number, to: Uint8Array): void {
  for (let i = 0; i < SIZE; i++)
    to[i] = ((bytes[from + 32 * (i >> 6) + (i & 31)] as number) >> (4 * ((i >> 5) & 1))) & 15
}

/** Eight numbers of six bits: scales start at byte 4, least values at byte 8; the last four have their upper bits in the first four's bytes. */
function sixBits(bytes: Uint8Array, at: number, to: Int8Array): void {
  const isLeast = at === 8
  for (let group = 0; group < 4; group++) {
    const own = bytes[at + group] as number
    const shared = bytes[12 + group] as number
    to[group] = own & 63
    to[4 + group] = (isLeast ? shared >> 4 : shared & 15) | ((own >> 6) << 4)
  }
}

function block(name: string, byteLength: number, packed: PackedBlocks) {
  return { name, size: SIZE, byteLength, packed }
}
