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

/** The projections, and in some families norms of what they give. */
export interface NormedProjections extends SplitProjections {
  /** Of queries by heads, (batch, heads, tokens, size). */
  readonly queryNorm?: Module
  /** Of keys by heads, (batch, groups, tokens, size). */
  readonly keyNorm?: Module
}

/** x (batch, tokens, hidden) -> same. */
export class SplitAttention extends Attention {
  constructor(
    readonly settings: AttentionSettings,
    readonly names: PartNames<NormedProjections>,
    parts: NormedProjections,
  ) {
    super()
    setParts(this, names, parts)
  }

  project(x: Tensor, context: Context): Projected {
    const { heads, groups } = this.settings
    const { query, key, value, queryNorm, keyNorm } = this.names
    const part = (name: string, count: number, norm?: string) => {
      const split = splitHeads(partOf(this, name).forward(x, context), count)
      return norm === undefined ? split : partOf(this, norm).forward(split, context)
    }
    return [part(query, heads, queryNorm), part(key, groups, keyNorm), part(value, groups)]
  }

  output(x: Tensor, context: Context): Tensor {
    return partOf(this, this.names.output).forward(x, context)
  }
}
