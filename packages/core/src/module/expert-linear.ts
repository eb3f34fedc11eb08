/** A linear layer of a mixture of experts: one tensor of a matrix for each expert, of which every block of rows is given one. */
import { EspalierError } from '../errors.js'
import { cast } from '../graph/ops/cast.js'
import type { Tensor } from '../graph/tensor.js'
import { expertMatmul } from '../nn/expert-matmul.js'
import type { Adaptable } from './adaptable.js'
import type { Context } from './context.js'
import { Module } from './module.js'
import type { Weight } from './weight.js'

/** y = x W^T with W (out, in) of the block's expert; all of them are one parameter (experts, out, in). */
export class ExpertLinear extends Module implements Adaptable {
  readonly kind = 'experts'
  readonly bias = null

  constructor(readonly weight: Weight) {
    super()
  }

  override get isParameter(): boolean {
    return true
  }

  get inSize(): number {
    return this.weight.shape[2] as number
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

  /** x (blocks, rows, in) -> (blocks, rows, out). The context names the experts. */
  forward(x: Tensor, context: Context): Tensor {
    const weight = this.weight.value()
    const own = cast(x, weight.dtype)
    return cast(expertMatmul(own, weight, expertsOf(context), { transposed: true }), x.dtype)
  }
}

/** The expert of each block of rows, (blocks) i32. Throws graph.invalid outside of a mixture. */
export function expertsOf({ experts }: Context): Tensor {
  if (experts === undefined)
    throw new EspalierError('graph.invalid', {
      what: 'experts are read only in a pass that names the expert of each block',
    })
  return experts
}
