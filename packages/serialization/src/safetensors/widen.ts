/** Values of stored bytes as numbers core computes with: 16-bit floats widened, 64-bit integers narrowed with a check. */
import { EspalierError } from '@espalier/core'
import type { SafetensorsDType } from './dtype.js'

/** Float values of a tensor's bytes as float32 (F32, F16, BF16; F64 rounds). Throws safetensors.dtype for others. */
export function toFloat32(dtype: SafetensorsDType, bytes: Uint8Array): Float32Array {
  const own = aligned(bytes)
  switch (dtype) {
    case 'F32':
      return new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4)
    case 'F64':
      return Float32Array.from(new Float64Array(own.buffer, own.byteOffset, own.byteLength / 8))
    case 'BF16':
      return widenBf16(new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2))
    case 'F16':
      return widenF16(new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2))
    default:
      throw notThat(dtype, 'floats')
  }
}

/** Integer values of a tensor's bytes as int32. Throws safetensors.range when a 64-bit value does not fit, safetensors.dtype for floats. */
export function toInt32(dtype: SafetensorsDType, bytes: Uint8Array): Int32Array {
  const own = aligned(bytes)
  switch (dtype) {
    case 'I32':
      return new Int32Array(own.buffer, own.byteOffset, own.byteLength / 4)
    case 'I64':
      return narrowed(new BigInt64Array(own.buffer, own.byteOffset, own.byteLength / 8))
    case 'U64':
      return narrowed(new BigUint64Array(own.buffer, own.byteOffset, own.byteLength / 8))
    case 'U32':
      return narrowed(new Uint32Array(own.buffer, own.byteOffset, own.byteLength / 4))
    case 'I16':
      return Int32Array.from(new Int16Array(own.buffer, own.byteOffset, own.byteLength / 2))
    case 'U16':
      return Int32Array.from(new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2))
    case 'I8':
      return Int32Array.from(new Int8Array(own.buffer, own.byteOffset, own.byteLength))
    case 'U8':
    case 'BOOL':
      return Int32Array.from(own)
    default:
      throw notThat(dtype, 'integers')
  }
}

/** bfloat16 bits as float32. */
export function widenBf16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] ?? 0) << 16
  return new Float32Array(wide.buffer)
}

let halves: Uint32Array | undefined // float32 bits of every float16, 256 kB, made at the first use

/** IEEE half bits as float32. */
export function widenF16(bits: Uint16Array): Float32Array {
  halves ??= Uint32Array.from({ length: 2 ** 16 }, (_, half) => halfToFloatBits(half))
  const table = halves
  const wide = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) wide[i] = table[bits[i] ?? 0] ?? 0
  return new Float32Array(wide.buffer)
}

function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0 // infinity, NaN with its payload
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0 // 112: difference of the exponents' biases
  if (fraction === 0) return sign >>> 0
  const shift = Math.clz32(fraction) - 21 // a subnormal half is a normal float
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0
}

function narrowed(values: BigInt64Array | BigUint64Array | Uint32Array): Int32Array {
  const narrow = new Int32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    narrow[i] = Number(BigInt.asIntN(32, BigInt(value)))
    if (BigInt(narrow[i] ?? 0) !== BigInt(value)) {
      throw new EspalierError('safetensors.range', {
        what: 'an integer does not fit 32 bits',
        got: { index: i, value: value.toString() },
        fix: 'Save the tensor with smaller values.',
      })
    }
  }
  return narrow
}

function notThat(dtype: SafetensorsDType, wanted: string): EspalierError {
  return new EspalierError('safetensors.dtype', {
    what: `a tensor cannot be read as ${wanted}`,
    got: { dtype },
    fix: 'Convert it with the library that wrote it.',
  })
}

// Typed arrays need offsets that are multiples of their value's size.
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
}
