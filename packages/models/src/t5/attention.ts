/** Attention of T5's layers to their own tokens. */
import type { Module } from '@espalier/core'
import type { AttentionSettings } from '../decoder/attention.js'
import { SplitAttention, type SplitProjections } from '../decoder/split-attention.js'

/** Names of the projections. */
export const projectionNames = { query: 'q', key: 'k', value: 'v', output: 'o' }

/** x (batch, tokens, hidden) -> same. The first layer of a stack has the table of biases that all its layers use. */
export class T5SelfAttention extends SplitAttention {
  constructor(
    settings: AttentionSettings,
    parts: SplitProjections,
    readonly relative_attention_bias: Module | null,
  ) {
    super(settings, projectionNames, parts)
  }
}
