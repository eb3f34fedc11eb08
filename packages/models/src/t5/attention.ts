/** Attention of T5's layers: without a scale, to the layer's own tokens or to what the encoder made. */
import {
  type AttendOptions,
  attend,
  attendToEncoded,
  type Context,
  joinHeads,
  Module,
  splitHeads,
  type Tensor,
} from '@espalier/core'

/** What one layer's attention is made with besides its projections. */
export interface T5AttentionSettings extends AttendOptions {
  readonly heads: number
  /** Keys and values are of the encoder's output. */
  readonly isCross: boolean
}

/** x (batch, tokens, hidden) -> same. The first layer of a stack has the table of biases that all its layers use. */
export class T5Attention extends Module {
  constructor(
    readonly q: Module,
    readonly k: Module,
    readonly v: Module,
    readonly o: Module,
    readonly relative_attention_bias: Module | null,
    readonly settings: T5AttentionSettings,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const part = (projection: Module, of: Tensor) => splitHeads(projection.forward(of, context), this.settings.heads)
    const keyValue = (of: Tensor) => ({ key: part(this.k, of), value: part(this.v, of) })
    return this.o.forward(joinHeads(this.attended(part(this.q, x), x, keyValue, context)), context)
  }

  private attended(
    q: Tensor,
    x: Tensor,
    keyValue: (of: Tensor) => { readonly key: Tensor; readonly value: Tensor },
    context: Context,
  ): Tensor {
    if (this.settings.isCross) return attendToEncoded(q, keyValue, context, this.settings)
    const { key, value } = keyValue(x)
    return attend(q, key, value, context, this.settings)
  }
}
