/** One layer of a decoder whose norms stand before its attention and its wide half. */
import { add, type Context, Module, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'

/** The modules of a layer. */
export interface BlockParts {
  readonly attentionNorm: Module
  readonly attention: Module
  readonly innerNorm: Module
  readonly inner: Module
}

/** x + attention(norm(x)), then that plus inner(norm(that)). */
export class DecoderBlock extends Module {
  constructor(
    readonly names: PartNames<BlockParts>,
    parts: BlockParts,
  ) {
    super()
    setParts(this, names, parts)
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const run = (role: keyof BlockParts, value: Tensor) => partOf(this, this.names[role]).forward(value, context)
    const middle = add(x, run('attention', run('attentionNorm', x)))
    return add(middle, run('inner', run('innerNorm', middle)))
  }
}
