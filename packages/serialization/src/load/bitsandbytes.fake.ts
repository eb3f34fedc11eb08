/** A quantizer for tests: reads what bitsandbytes stores of LLM.int8, nf4 and fp4 weights. Merges into int8 only, and packs no floats. */
import {
  add,
  and,
  cast,
  concat,
  decodeF16,
  div,
  encodeF16,
  gatherRows,
  type HostTensor,
  hostTensor,
  iota,
  mul,
  type Parameter,
  type Quantizer,
  reshape,
  type Shape,
  type Spec,
  shiftRight,
  sizeOf,
  type Tensor,
  toFloat32,
  type Weight,
  type WeightSite,
} from '@espalier/core'

const MOST = 127 // of an int8 code

/** How stored tensors, in the order of the weight's parameters, become floats and back. */
interface Code {
  decode(stored: readonly Tensor[]): Tensor
  encode?(floats: HostTensor): readonly HostTensor[]
}

class PackedWeight implements Weight {
  readonly encode?: Weight['encode']

  constructor(
    readonly shape: Shape,
    readonly dtype: Weight['dtype'],
    readonly parameters: readonly Parameter[],
    private readonly code: Code,
  ) {
    if (code.encode !== undefined) this.encode = (floats) => (code.encode?.(floats) ?? []).slice(0, parameters.length)
  }

  private get stored(): readonly Tensor[] {
    return this.parameters.map(({ value }) => value)
  }

  value(): Tensor {
    return cast(this.code.decode(this.stored), this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new PackedWeight(this.shape, this.dtype, parameters, this.code)
  }
}

/** The quantizer as a plugin value. */
export const bitsandbytes: Quantizer = {
  method: 'bitsandbytes',
  describes: (name) => name.includes('.quant_state.'),
  weights: (config) => (config === null ? undefined : (site) => int8(site) ?? fourBits(site)),
}

const spec = (dtype: Spec['dtype'], ...shape: number[]): Spec => ({ dtype, shape })

// W = codes SCB / 127, a scale for each row.
function int8({ shape, dtype, tensors, stored }: WeightSite): Weight | undefined {
  if (!tensors.has('SCB')) return undefined
  const rows = shape[0] as number
  const parameters = [stored('weight', { dtype: 'i8', shape }), stored('SCB', spec('f32', rows))]
  if (tensors.has('weight_format')) parameters.push(stored('weight_format', spec('u8')))
  return new PackedWeight(shape, dtype, parameters, {
    decode: ([codes, scales]) => mul(cast(codes as Tensor, 'f32'), div(reshape(scales as Tensor, [rows, 1]), MOST)),
    encode(floats) {
      const [values, columns] = [toFloat32(floats).map((x) => decodeF16(encodeF16(x))), shape[1] as number]
      const row = (i: number) => values.subarray(i * columns, (i + 1) * columns).map(Math.abs)
      const scales = Array.from({ length: rows }, (_, i) => Math.max(...row(i)))
      const codes = Array.from(values, (x, i) => Math.round((x * MOST) / (scales[Math.floor(i / columns)] as number)))
      return [hostTensor('i8', shape, codes), hostTensor('f32', [rows], scales), hostTensor('u8', [])]
    },
  })
}

interface QuantState {
  readonly blocksize: number
  readonly shape: Shape
  readonly nested_blocksize?: number
  readonly nested_offset?: number
}

// Two codes in a byte, the first in the high half; a table of 16 values, a scale for each block.
function fourBits({ shape, dtype, tensors, stored }: WeightSite): Weight | undefined {
  const [name, described] = [...tensors].find(([name]) => name.startsWith('weight.quant_state.')) ?? []
  if (name === undefined || described?.bytes === undefined) return undefined
  const state = JSON.parse(new TextDecoder().decode(described.bytes)) as QuantState
  const { blocksize, nested_blocksize: nested, nested_offset: offset = 0 } = state
  const size = sizeOf(shape)
  const blocks = Math.ceil(size / blocksize)
  const parameters = [
    stored('weight', spec('u8', size / 2, 1)),
    stored('weight.quant_map', spec('f32', 16)),
    stored('weight.absmax', spec(nested === undefined ? 'f32' : 'u8', blocks)),
    ...(nested === undefined
      ? []
      : [
          stored('weight.nested_quant_map', spec('f32', 256)),
          stored('weight.nested_absmax', spec('f32', Math.ceil(blocks / nested))),
        ]),
    stored(name, described),
  ]
  const scalesOf = (stored: readonly Tensor[]) => {
    const [, , absmax, map, outer] = stored as [Tensor, Tensor, Tensor, Tensor, Tensor]
    if (nested === undefined) return absmax
    const values = gatherRows(map, cast(absmax, 'i32'))
    return add(mul(values, gatherRows(outer, div(iota([blocks], 0), nested))), offset)
  }
  return new PackedWeight(shape, dtype, parameters, {
    decode(stored) {
      const [codes, map] = stored as [Tensor, Tensor]
      const bytes = cast(codes, 'u32')
      const halves = cast(concat([shiftRight(bytes, 4), and(bytes, 15)], 1), 'i32')
      const values = reshape(gatherRows(map, reshape(halves, [size])), [blocks, blocksize])
      return reshape(mul(values, reshape(scalesOf(stored), [blocks, 1])), shape)
    },
  })
}
