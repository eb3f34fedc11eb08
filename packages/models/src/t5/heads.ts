/** T5's heads that stand beside the stacks themselves, as in transformers' classes, and not beside a bare model of them. */
import {
  type Context,
  Linear,
  type ModelConfig,
  type ModelSizes,
  type Module,
  mul,
  Seq2SeqLM,
  type Tensor,
} from '@espalier/core'
import type { Head } from '../heads/head.js'
import { T5Model } from './model.js'
import type { T5Settings } from './settings.js'

/** The projection to the vocabulary. */
export const conditionalGeneration: Head<T5Model> = ({ base, scope }) => {
  const { shared, encoder, decoder, settings } = base
  const { deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = settings.sizes
  // Configurations do not tell, so the file does, as for transformers: one that ties its head has none.
  const head = scope.has('lm_head.weight', [rows, size])
    ? scope.linear('lm_head', size, rows, { bias: false, deviation })
    : new Linear(shared.weight, null)
  return new T5ForConditionalGeneration(shared, encoder, decoder, head, settings)
}

/** Logits of an answer's start and end. */
export const stackedQuestionAnswering: Head<T5Model> = ({ base, scope }) => {
  const { sizes, deviation } = base.settings
  const options = { bias: true, deviation: deviation * sizes.hiddenSize ** -0.5 }
  return new T5ForQuestionAnswering(base, scope.linear('qa_outputs', sizes.hiddenSize, 2, options))
}

/** T5 with the projection to its vocabulary. Captures `encoder_last_hidden_state`. */
class T5ForConditionalGeneration extends Seq2SeqLM {
  constructor(
    /** The table that both sides' own share; no pass reads it here. */
    readonly shared: Module,
    readonly encoder: Module,
    readonly decoder: Module,
    readonly lm_head: Module,
    readonly settings: T5Settings,
  ) {
    super()
  }

  get className(): string {
    return `${this.settings.className}ForConditionalGeneration`
  }

  get sizes(): ModelSizes {
    return this.settings.sizes
  }

  get startToken(): number {
    return this.settings.startToken
  }

  get paddingToken(): number {
    return this.settings.paddingToken
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.block', 'decoder.block']
  }

  override get untiedConfig(): ModelConfig {
    return this.settings.untiedConfig
  }

  encode(ids: Tensor, context: Context): Tensor {
    return this.encoder.forward(ids, context)
  }

  decode(ids: Tensor, context: Context): Tensor {
    const hidden = this.decoder.forward(ids, context)
    const { scalesHead, sizes } = this.settings
    return scalesHead ? mul(hidden, sizes.hiddenSize ** -0.5) : hidden
  }

  head(): Module {
    return this.lm_head
  }
}

/** T5 with a layer over each token that the decoder reads. */
class T5ForQuestionAnswering extends T5Model {
  override readonly task = 'QUESTION_ANS'

  constructor(
    { settings, shared, encoder, decoder }: T5Model,
    readonly qa_outputs: Module,
  ) {
    super(`${settings.className}ForQuestionAnswering`, shared, encoder, decoder, settings)
  }

  override forward(ids: Tensor, context: Context): Tensor {
    return this.qa_outputs.forward(super.forward(ids, context), context)
  }
}
