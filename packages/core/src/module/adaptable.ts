/** Layers that tuners adapt: linear, Conv1D, embedding, and the experts of a mixture (expert-linear.ts). Each has a weight behind the Weight interface. */
import { add, mul } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { matmul } from '../graph/ops/matmul.js'
import { transpose } from '../graph/ops/permute.js'
import { reshape } from '../graph/ops/reshape.js'
import type { Tensor } from '../graph/tensor.js'
import { isModule, Module, withFields } from './module.js'
import type { Parameter } from './parameter.js'
import type { Weight } from './weight.js'

/** Kinds of adaptable layers. */
export type LayerKind = 'linear' | 'conv1d' | 'embedding' | 'experts'

/** A layer with a weight that tuners may change. */
export interface Adaptable extends Module {
  readonly kind: LayerKind
  readonly weight: Weight
  readonly bias: Parameter | null
  /** Size of an input row, of each expert; of an embedding, the number of rows. */
  readonly inSize: number
  readonly outSize: number
  /** The weight as floats, (out, in) whatever the file's order; an embedding's as (rows, size), of experts (experts, out, in). */
  orientedWeight(): Tensor
  /** A weight in `orientedWeight`'s order turned back to the file's. */
  unorient(weight: Tensor): Tensor
}

/** Whether a module is an adaptable layer. */
export function isAdaptable(module: unknown): module is Adaptable {
  return isModule(module) && typeof (module as Partial<Adaptable>).orientedWeight === 'function'
}

/** y = x W^T + b with W (out, in). */
export class Linear extends Module implements Adaptable {
  readonly kind = 'linear'

  constructor(
    readonly weight: Weight,
    readonly bias: Parameter | null,
  ) {
    super()
  }

  get inSize(): number {
    return this.weight.shape[1] as number
  }

  get outSize(): number {
    return this.weight.shape[0] as number
  }

  orientedWeight(): Tensor {
    return this.weight.value()
  }

  unorient(weight: Tensor): Tensor {
    return weight
  }

  /** x (..., in) -> (..., out). */
  forward(x: Tensor): Tensor {
    return affine(x, this.weight.value(), true, this.bias)
  }
}

/** A matrix of a module that is no linear layer to PEFT, such as a router: one parameter (out, in), read as y = x W^T. */
export class MatrixParameter extends Linear {
  constructor(weight: Weight) {
    super(weight, null)
  }

  override get isParameter(): boolean {
    return true
  }
}

/** y = x W + b with W (in, out): GPT-2's Conv1D. */
export class Conv1D extends Module implements Adaptable {
  readonly kind = 'conv1d'

  constructor(
    readonly weight: Weight,
    readonly bias: Parameter | null,
  ) {
    super()
  }

  get inSize(): number {
    return this.weight.shape[0] as number
  }

  get outSize(): number {
    return this.weight.shape[1] as number
  }

  orientedWeight(): Tensor {
    return transpose(this.weight.value())
  }

  unorient(weight: Tensor): Tensor {
    return transpose(weight)
  }

  /** x (..., in) -> (..., out). */
  forward(x: Tensor): Tensor {
    return affine(x, this.weight.value(), false, this.bias)
  }
}

/** Rows of a table by token id, optionally scaled (Gemma). */
export class Embedding extends Module implements Adaptable {
  readonly kind = 'embedding'
  readonly bias = null

  constructor(
    readonly weight: Weight,
    readonly scale: number = 1,
  ) {
    super()
  }

  get inSize(): number {
    return this.weight.shape[0] as number
  }

  get outSize(): number {
    return this.weight.shape[1] as number
  }

  orientedWeight(): Tensor {
    return this.weight.value()
  }

  unorient(weight: Tensor): Tensor {
    return weight
  }

  /** ids (...) -> (..., size). */
  forward(ids: Tensor): Tensor {
    const rows = gatherRows(this.weight.value(), ids)
    return this.scale === 1 ? rows : mul(rows, this.scale)
  }
}

/** The layer with other parameters for weight and bias. */
export function withWeight<L extends Adaptable>(layer: L, weight: Weight, bias: Parameter | null = layer.bias): L {
  return withFields(layer, layer.kind === 'embedding' ? { weight } : { weight, bias })
}

/** x (..., in) times a matrix, in two axes so that products can accumulate, plus a bias. */
export function linear(
  x: Tensor,
  weight: Tensor,
  options: { readonly transposed?: boolean; readonly bias?: Tensor } = {},
): Tensor {
  const { transposed = true, bias } = options
  const rows = reshape(x, [-1, x.shape[x.shape.length - 1] as number])
  const product = matmul(rows, weight, { transposeB: transposed })
  const y = bias === undefined ? product : add(product, bias)
  return reshape(y, [...x.shape.slice(0, -1), y.shape[1] as number])
}

// In the weight's dtype, to x's: a layer that trains has f32 weights among activations of 16 bits.
function affine(x: Tensor, weight: Tensor, transposed: boolean, bias: Parameter | null): Tensor {
  const own = (value: Tensor) => cast(value, weight.dtype)
  return cast(linear(own(x), weight, { transposed, ...(bias === null ? {} : { bias: own(bias.value) }) }), x.dtype)
}
