/** One layer of a decoder whose attention and wide half both read its input. Source: Wang and Komatsuzaki 2021, GPT-J-6B; arXiv:2204.02311 §2. */
import { add, type Context, Module, maybeDropout, type Tensor } from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'

/** The modules of a layer. */
export interface ParallelParts {
  readonly attentionNorm: Module
  readonly attention: Module
  /** Absent: both halves read one norm. */
  readonly innerNorm?: Module
  readonly inner: Module
}

/** x + attention(norm(x)) + inner(norm(x)). */
export class ParallelBlock extends Module {
  constructor(
    readonly names: PartNames<ParallelParts>,
    parts: ParallelParts,
    /** Of what both halves add. */
    readonly dropout?: { readonly rate: number; readonly site: string },
  ) {
    super()
    setParts(this, names, parts)
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const run = (name: string, value: Tensor) => partOf(this, name).forward(value, context)
    const { attentionNorm, attention, innerNorm, inner } = this.names
    const normed = run(attentionNorm, x)
    const added = add(run(attention, normed), run(inner, innerNorm === undefined ? normed : run(innerNorm, x)))
    const { rate, site } = this.dropout ?? { rate: 0, site: '' }
    return add(x, rate === 0 ? added : maybeDropout(added, context, rate, site))
  }
}
