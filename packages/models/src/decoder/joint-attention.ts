/** Attention of which one product makes all queries, then all keys, then all values. */
import { type Context, type Module, sliceAxis, splitHeads, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import { Attention, type AttentionSettings, type Projected } from './attention.js'

/** The projections. */
export interface JointProjections {
  readonly joint: Module
  readonly output: Module
}

/** x (batch, tokens, hidden) -> same. */
export class JointAttention extends Attention {
  constructor(
    readonly settings: AttentionSettings,
    readonly names: PartNames<JointProjections>,
    parts: JointProjections,
  ) {
    super()
    setParts(this, names, parts)
  }

  project(x: Tensor, context: Context): Projected {
    const { heads, groups } = this.settings
    const all = partOf(this, this.names.joint).forward(x, context)
    const size = (all.shape[2] as number) / (heads + 2 * groups)
    const part = (from: number, count: number) =>
      splitHeads(sliceAxis(all, 2, from * size, (from + count) * size), count)
    return [part(0, heads), part(heads, groups), part(heads + groups, groups)]
  }

  output(x: Tensor, context: Context): Tensor {
    return partOf(this, this.names.output).forward(x, context)
  }
}
