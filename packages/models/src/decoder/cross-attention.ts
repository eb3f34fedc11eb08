/** Attention of a decoder's layer to what its encoder made. */
import { attendToEncoded, type Context, joinHeads, Module, splitHeads, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import type { AttentionSettings } from './attention.js'
import type { SplitProjections } from './split-attention.js'

/** x (batch, tokens, hidden) -> same; keys and values are of the encoder's output. */
export class CrossAttention extends Module {
  constructor(
    readonly settings: Omit<AttentionSettings, 'groups'>,
    readonly names: PartNames<SplitProjections>,
    parts: SplitProjections,
  ) {
    super()
    setParts(this, names, parts)
  }

  forward(x: Tensor, context: Context): Tensor {
    const run = (role: keyof SplitProjections, of: Tensor) => partOf(this, this.names[role]).forward(of, context)
    const part = (role: keyof SplitProjections, of: Tensor) => splitHeads(run(role, of), this.settings.heads)
    const keyValue = (of: Tensor) => ({ key: part('key', of), value: part('value', of) })
    return run('output', joinHeads(attendToEncoded(part('query', x), keyValue, context, this.settings)))
  }
}
