/** The types of a GGUF file's tensors: how many weights a block has, and how their codes and scales lie in its bytes. Source: ggml's ggml-common.h. */
import { unsupportedGguf } from '../errors.js'
import { iq4Nl, iq4Xs, q4x0, q4x1, q5x0, q5x1, q8x0 } from './blocks-of-32.js'
import { q2k, q3k, q4k, q5k, q6k } from './blocks-of-256.js'
import type { PackedBlocks } from './packed-blocks.js'

/** A type: of floats that lie as they are, or of packed blocks. */
export interface BlockType {
  readonly name: string
  /** Weights of a block; they are neighbours in a row. */
  readonly size: number
  /** Bytes of a block. */
  readonly byteLength: number
  /** The dtype that safetensors has for it; undefined where weights are packed. */
  readonly plain?: 'F32' | 'F16' | 'BF16'
  readonly packed?: PackedBlocks
}

const types: Readonly<Record<number, BlockType>> = {
  0: { name: 'F32', size: 1, byteLength: 4, plain: 'F32' },
  1: { name: 'F16', size: 1, byteLength: 2, plain: 'F16' },
  2: q4x0,
  3: q4x1,
  6: q5x0,
  7: q5x1,
  8: q8x0,
  10: q2k,
  11: q3k,
  12: q4k,
  13: q5k,
  14: q6k,
  20: iq4Nl,
  23: iq4Xs,
  30: { name: 'BF16', size: 1, byteLength: 2, plain: 'BF16' },
}

const NAMES: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  21: 'IQ3_S',
  22: 'IQ2_S',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
}

/** All packed types by name. */
export const packedTypes: ReadonlyMap<string, BlockType & { readonly packed: PackedBlocks }> = new Map(
  [q4x0, q4x1, q5x0, q5x1, q8x0, q2k, q3k, q4k, q5k, q6k, iq4Nl, iq4Xs].map((type) => [type.name, type]),
)

/** The type of a number in the format. Throws gguf.unsupported, which names the tensor. */
export function blockTypeOf(number: number, tensor: string, file: { readonly name: string }): BlockType {
  const type = Object.hasOwn(types, number) ? types[number] : undefined
  if (type !== undefined) return type
  const known = Object.values(types).map(({ name }) => name)
  throw unsupportedGguf(
    'a tensor is of a type that is not read',
    file,
    { tensor, type: NAMES[number] ?? number, known },
    `Take another file of the model, as one whose name has Q4_K_M or Q8_0.`,
  )
}
