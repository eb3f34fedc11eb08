/** Attention whose queries, keys and values have a projection each. */
import { type Context, type Module, splitHeads, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import { Attention, type AttentionSettings, type Projected } from './attention.js'

/** The projections. */
export interface SplitProjections {
  readonly query: Module
  readonly key: Module
  readonly value: Module
  readonly output: Module
}

/** x (batch, tokens, hidden) -> same. */
export class SplitAttention extends Attention {
  constructor(
    readonly settings: AttentionSettings,
    readonly names: PartNames<SplitProjections>,
    parts: SplitProjections,
  ) {
    super()
    setParts(this, names, parts)
  }

  project(x: Tensor, context: Context): Projected {
    const { heads, groups } = this.settings
    const part = (role: keyof SplitProjections, count: number) =>
      splitHeads(partOf(this, this.names[role]).forward(x, context), count)
    return [part('query', heads), part('key', groups), part('value', groups)]
  }

  output(x: Tensor, context: Context): Tensor {
    return partOf(this, this.names.output).forward(x, context)
  }
}
