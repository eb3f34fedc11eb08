/** bitsandbytes' description of a four-bit weight: the JSON text beside its codes. */
import { EspalierError, type Shape } from '@espalier/core'
import type { FourBitType } from '../codes/tables.js'

/** Dtypes that a four-bit weight was packed from and decodes to, by PyTorch's names. */
export type FloatName = 'float32' | 'float16' | 'bfloat16'

/** How a four-bit weight is packed. */
export interface QuantState {
  readonly type: FourBitType
  /** Values that share a scale. */
  readonly blockSize: number
  readonly dtype: FloatName
  /** Of the floats, (out, in). */
  readonly shape: Shape
  /** Of scales that are packed themselves. */
  readonly nested?: {
    /** Scales that share a scale. */
    readonly blockSize: number
    /** Their mean, which was subtracted before they were packed. */
    readonly offset: number
  }
}

/** Block sizes that bitsandbytes has kernels for. */
export const blockSizes: readonly number[] = [32, 64, 128, 256, 512, 1024, 2048, 4096]

const TYPES: readonly FourBitType[] = ['nf4', 'fp4']
const FLOATS: readonly FloatName[] = ['float32', 'float16', 'bfloat16']

/** The text, with the keys and the spacing of Python's `json.dumps`. */
export function stateText({ type, blockSize, dtype, shape, nested }: QuantState): string {
  const fields = [
    `"quant_type": "${type}"`,
    `"blocksize": ${blockSize}`,
    `"dtype": "${dtype}"`,
    `"shape": [${shape.join(', ')}]`,
    ...(nested === undefined
      ? []
      : [
          `"nested_blocksize": ${nested.blockSize}`,
          '"nested_dtype": "float32"',
          `"nested_offset": ${pythonFloat(nested.offset)}`,
        ]),
  ]
  return `{${fields.join(', ')}}`
}

/** What a text says. tensor: its name, for the errors; shape: the layer's, (out, in). Throws quantization.state. */
export function readState(bytes: Uint8Array, tensor: string, shape: Shape): QuantState {
  const fields = parsed(bytes, tensor)
  const field = <T>(key: string, isRight: (value: unknown) => value is T, want: unknown): T => {
    const value = fields[key]
    if (isRight(value)) return value
    throw new EspalierError('quantization.state', {
      what: 'the description of a packed weight does not fit its layer, or is none that is known',
      got: { tensor, field: key, value: value === undefined ? 'missing' : value, want },
      fix: 'Download the checkpoint again, or quantize the model anew.',
    })
  }
  const isSize = (value: unknown): value is number => blockSizes.includes(value as number)
  const isShape = (value: unknown): value is number[] => Array.isArray(value) && value.join() === shape.join()
  const isOffset = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(Math.fround(value))
  const state: QuantState = {
    type: field('quant_type', (value) => isOneOf(TYPES, value), TYPES),
    blockSize: field('blocksize', isSize, blockSizes),
    dtype: field('dtype', (value) => isOneOf(FLOATS, value), FLOATS),
    shape: field('shape', isShape, shape),
  }
  if (!('nested_blocksize' in fields)) return state
  field('nested_dtype', (value) => value === 'float32', 'float32')
  const blockSize = field('nested_blocksize', isSize, blockSizes)
  return { ...state, nested: { blockSize, offset: field('nested_offset', isOffset, 'a number') } }
}

function parsed(bytes: Uint8Array, tensor: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw noObject(tensor, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw noObject(tensor)
  return value as Readonly<Record<string, unknown>>
}

function noObject(tensor: string, cause?: unknown): EspalierError {
  return new EspalierError('quantization.state', {
    what: 'the description of a packed weight is no JSON object',
    got: { tensor },
    fix: 'Download the checkpoint again.',
    cause,
  })
}

function isOneOf<T>(known: readonly T[], value: unknown): value is T {
  return known.includes(value as T)
}

// As Python prints a float: with a point, or below 1e-4 and from 1e16 on with an exponent of two digits.
function pythonFloat(value: number): string {
  const size = Math.abs(value)
  const hasExponent = size !== 0 && (size < 1e-4 || size >= 1e16)
  if (!hasExponent) return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
