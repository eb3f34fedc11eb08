/** Element types, their sizes, and tensors in host memory. f16 and bf16 lie in host memory as their 16 bits. */
import { EspalierError } from './errors.js'
import { type Shape, sizeOf } from './shape.js'

/** Element types of graph tensors. bf16, u8 and i8 are for storage and casts. */
export type DType = 'f32' | 'f16' | 'bf16' | 'f64' | 'i32' | 'u32' | 'u8' | 'i8' | 'bool'

/** Dtypes that models compute in. */
export type ComputeDType = 'f32' | 'f16'

/** Element type and shape. */
export interface Spec {
  readonly dtype: DType
  readonly shape: Shape
}

const arrays = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
  i8: Int8Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>

/** The typed array that holds a dtype in host memory; f16 and bf16 as 16-bit patterns, bool as 0 and 1. */
export type HostArray = Float32Array | Uint16Array | Float64Array | Int32Array | Uint32Array | Uint8Array | Int8Array

/** A tensor in host memory, row-major. */
export interface HostTensor extends Spec {
  readonly data: HostArray
}

/** Every dtype. */
export const dtypes = Object.keys(arrays) as readonly DType[]

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT
}

/** Whether a dtype is a floating-point type. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' || dtype === 'f64'
}

/** A zeroed host array for `size` elements of a dtype. */
export function hostArray(dtype: DType, size: number): HostArray {
  return new arrays[dtype](size)
}

/** A host tensor from an array of the right type and size, or from numbers, which are converted. Throws shape.mismatch. */
export function hostTensor(dtype: DType, shape: Shape, data?: HostArray | readonly number[]): HostTensor {
  const size = sizeOf(shape)
  if (data === undefined) return { dtype, shape, data: hostArray(dtype, size) }
  if (data.length !== size) {
    throw new EspalierError('shape.mismatch', {
      what: 'the data do not fill the shape',
      got: { shape, values: data.length },
    })
  }
  if (data instanceof arrays[dtype]) return { dtype, shape, data: data as HostArray }
  const own = hostArray(dtype, size)
  if (dtype === 'f16' || dtype === 'bf16') {
    const encode = dtype === 'f16' ? encodeF16 : encodeBf16
    for (let i = 0; i < size; i++) own[i] = encode(data[i] as number)
  } else if (dtype === 'bool') {
    for (let i = 0; i < size; i++) own[i] = data[i] === 0 ? 0 : 1
  } else {
    for (let i = 0; i < size; i++) own[i] = data[i] as number
  }
  return { dtype, shape, data: own }
}

/** A host tensor over the bytes of a file or message, little-endian. Copies only when the bytes are not aligned. */
export function hostTensorFromBytes(dtype: DType, shape: Shape, bytes: Uint8Array): HostTensor {
  const size = sizeOf(shape)
  if (bytes.byteLength !== size * byteSize(dtype)) {
    throw new EspalierError('shape.mismatch', {
      what: 'the bytes do not fill the shape',
      got: { dtype, shape, byteLength: bytes.byteLength },
    })
  }
  const aligned = bytes.byteOffset % byteSize(dtype) === 0 ? bytes : new Uint8Array(bytes) // slice() of a Node Buffer would not copy
  return { dtype, shape, data: new arrays[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, size) }
}

/** The values of a host tensor as 64-bit floats; f16 and bf16 decoded. */
export function toFloat64(tensor: HostTensor): Float64Array {
  if (tensor.dtype === 'f16') return Float64Array.from(tensor.data, decodeF16)
  if (tensor.dtype === 'bf16') return Float64Array.from(tensor.data, decodeBf16)
  return new Float64Array(tensor.data)
}

/** The values of a host tensor as 32-bit floats, f16 and bf16 decoded; the same array when it is f32 already. */
export function toFloat32(tensor: HostTensor): Float32Array {
  if (tensor.dtype === 'f32') return tensor.data as Float32Array
  if (tensor.dtype === 'f16') return decodeF16Array(tensor.data as Uint16Array)
  if (tensor.dtype === 'bf16') return decodeBf16Array(tensor.data as Uint16Array)
  return new Float32Array(tensor.data)
}

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** A number as the nearest bfloat16 bits, ties to even. */
export function encodeBf16(value: number): number {
  const bits = oddBits(value)
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

// float32 bits of a number rounded to odd: cut off, with the last bit set when anything was lost. Rounding these again gives what
// rounding the number at once would; rounding to the nearest twice would not.
function oddBits(value: number): number {
  f32[0] = value
  const near = f32[0] as number
  const bits = u32[0] as number
  if (near === value || Number.isNaN(value)) return bits
  return ((Math.abs(near) > Math.abs(value) ? bits - 1 : bits) | 1) >>> 0
}

/** The value of bfloat16 bits. */
export function decodeBf16(bits: number): number {
  u32[0] = bits << 16
  return f32[0] as number
}

/** A number as the nearest IEEE half-precision bits, ties to even; overflow becomes infinity. */
export function encodeF16(value: number): number {
  const bits = oddBits(value)
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00 // rounds to 65536 or more
  if (magnitude < 0x38800000) {
    // subnormal half: the value in units of 2^-24, rounded half to even
    u32[0] = magnitude
    const scaled = (f32[0] as number) * 0x1000000
    const low = Math.floor(scaled)
    const rest = scaled - low
    return sign | (rest > 0.5 || (rest === 0.5 && (low & 1) === 1) ? low + 1 : low)
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

/** The value of IEEE half-precision bits. */
export function decodeF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** bfloat16 bits widened to float32, exactly. */
export function decodeBf16Array(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = (bits[i] as number) << 16
  return new Float32Array(out.buffer)
}

/** Half-precision bits widened to float32, exactly. */
export function decodeF16Array(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = decodeF16(bits[i] as number)
  return out
}
