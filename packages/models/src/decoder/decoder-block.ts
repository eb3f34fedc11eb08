/** One layer of a decoder whose norms stand before its attention and its wide half. */
import { add, type Context, Module, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'

/** The modules of a layer. */
export interface BlockParts {
  readonly attentionNorm: Module
  readonly attention: Module
  /** Of what attention gives, before it is added. */
  readonly attentionEndNorm?: Module
  readonly innerNorm: Module
  readonly inner: Module
  /** Of what the wide half gives, before it is added. */
  readonly innerEndNorm?: Module
}

/** x + attention(norm(x)), then that plus inner(norm(that)); in some families both halves end in a norm of their own. */
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
    const { attentionNorm, attention, attentionEndNorm, innerNorm, inner, innerEndNorm } = this.names
    const run = (value: Tensor, name: string | undefined) =>
      name === undefined ? value : partOf(this, name).forward(value, context)
    const middle = add(x, [attentionNorm, attention, attentionEndNorm].reduce(run, x))
    return add(middle, [innerNorm, inner, innerEndNorm].reduce(run, middle))
  }
}
