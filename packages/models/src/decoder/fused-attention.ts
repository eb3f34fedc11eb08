/** Attention of which one product makes each group's queries, its key and its value, side by side. */
import { type Context, type Module, permute, reshape, sliceAxis, type Tensor } from '@espalier/core'
import { Attention, type AttentionSettings, type Projected } from './attention.js'

/** x (batch, tokens, hidden) -> same. */
export class FusedAttention extends Attention {
  constructor(
    readonly query_key_value: Module,
    readonly dense: Module,
    readonly settings: AttentionSettings,
  ) {
    super()
  }

  project(x: Tensor, context: Context): Projected {
    const { heads, groups } = this.settings
    const all = this.query_key_value.forward(x, context)
    const [batch, tokens, width] = all.shape as [number, number, number]
    const queries = heads / groups
    const size = width / (groups * (queries + 2))
    const byGroup = reshape(all, [batch, tokens, groups, queries + 2, size])
    const part = (from: number, to: number) =>
      permute(reshape(sliceAxis(byGroup, 3, from, to), [batch, tokens, groups * (to - from), size]), [0, 2, 1, 3])
    return [part(0, queries), part(queries, queries + 1), part(queries + 1, queries + 2)]
  }

  output(x: Tensor, context: Context): Tensor {
    return this.dense.forward(x, context)
  }
}
