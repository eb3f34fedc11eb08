/** The dtypes of the safetensors format: sizes, order on disk, and their names in core. */
import type { DType } from '@espalier/core'

// Bits per value, in the order in which the reference implementation ranks them (the last comes first in a file).
const bits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const

/** A dtype name as safetensors files spell it. */
export type SafetensorsDType = keyof typeof bits

const names = Object.keys(bits) as SafetensorsDType[]

/** Whether a name is a dtype of the format. */
export function isSafetensorsDType(name: string): name is SafetensorsDType {
  return Object.hasOwn(bits, name)
}

/** Bits of one value. */
export function bitsOf(dtype: SafetensorsDType): number {
  return bits[dtype]
}

/** Place of a dtype in a written file: smaller comes first, which keeps every tensor aligned to its values. */
export function dtypeRank(dtype: SafetensorsDType): number {
  return names.length - names.indexOf(dtype)
}

/** Bytes of a tensor, or undefined when the shape is too large to count or does not end on a whole byte. */
export function byteLengthOf(dtype: SafetensorsDType, shape: readonly number[]): number | undefined {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!Number.isSafeInteger(count)) return undefined
  }
  const total = count * bits[dtype]
  return Number.isSafeInteger(total) && total % 8 === 0 ? total / 8 : undefined
}

const toCore: Partial<Record<SafetensorsDType, DType>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  F64: 'f64',
  I32: 'i32',
  U32: 'u32',
  U8: 'u8',
  I8: 'i8',
  BOOL: 'bool',
}

/** The dtype in core that has the same bytes, or undefined when core has none (I64, 8-bit floats, ...). */
export function coreDType(dtype: SafetensorsDType): DType | undefined {
  return toCore[dtype]
}

/** The safetensors name of a dtype of core. */
export function safetensorsDType(dtype: DType): SafetensorsDType {
  const found = (Object.entries(toCore) as [SafetensorsDType, DType][]).find(([, core]) => core === dtype)
  return found === undefined ? 'F32' : found[0]
}
