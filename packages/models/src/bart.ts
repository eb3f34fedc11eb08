/** BART: an encoder as BERT's and a decoder as GPT's over one table of tokens. Source: arXiv:1910.13461 §2. */
import {
  type Architecture,
  type Context,
  type Embedding,
  type ModelSizes,
  type Module,
  type ParameterScope,
  type Tensor,
  withFields,
} from '@espalier/core'
import type { BartSide } from './bart/layer.js'
import { type BartStackSettings, buildStack } from './bart/stack.js'
import type { ConfigKeys } from './config/config-keys.js'
import { architectureOf } from './family.js'
import { EncoderDecoder } from './heads/encoder-decoder.js'
import { firstTokenClassifier } from './heads/first-token-classifier.js'
import { bareModel } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { seq2seqLM } from './heads/seq2seq-lm.js'
import { activationOf } from './layers/activation.js'
import { lastOfToken } from './layers/last-token.js'
import { tokenEmbedding } from './layers/padded-embedding.js'

/** BART with heads for SEQ_2_SEQ_LM, SEQ_CLS and QUESTION_ANS, and the bare model. */
export const bart: Architecture = architectureOf<Settings, BartModel>({
  modelType: 'bart',
  baseModelPrefix: 'model',
  defaultTargets: ['q_proj', 'v_proj'],
  // Files may name the shared table after any of its three places.
  renameParameter: (name) => name.replace(/(^|\.)(?:encoder|decoder)\.embed_tokens\./, '$1shared.'),
  defaults: { classifier_dropout: 0, num_labels: 3 },
  settings: readSettings,
  base: buildModel,
  heads: {
    SEQ_2_SEQ_LM: seq2seqLM({ className: 'BartForConditionalGeneration', field: 'lm_head' }),
    // What the decoder made of the last end token stands for the text.
    SEQ_CLS: (request) => {
      const end = request.keys.optionalInteger('eos_token_id') ?? 2
      const names = { className: 'BartForSequenceClassification', field: 'classification_head' }
      return firstTokenClassifier(names, { input: (hidden, { ids }) => lastOfToken(hidden, ids, end) })(request)
    },
    QUESTION_ANS: questionAnswering({ className: 'BartForQuestionAnswering', field: 'qa_outputs' }),
    FEATURE_EXTRACTION: bareModel,
  },
})

interface Settings extends BartStackSettings {
  readonly vocabularySize: number
  readonly encoder: BartSide
  readonly decoder: BartSide
  readonly scale: number
  readonly startToken: number
  readonly paddingToken: number
}

/** Hidden states of the decoder. */
class BartModel extends EncoderDecoder {
  readonly className = 'BartModel'

  constructor(
    /** The table that both sides share; no pass reads it here. */
    readonly shared: Embedding,
    readonly encoder: Module,
    readonly decoder: Module,
    readonly settings: Settings,
  ) {
    super()
  }

  get sizes(): ModelSizes {
    const { vocabularySize, size: hiddenSize, maxPositions, decoder } = this.settings
    const { layers: layerCount, heads: headCount } = decoder
    const headSize = hiddenSize / headCount
    return { vocabularySize, hiddenSize, layerCount, headCount, groupCount: headCount, headSize, maxPositions }
  }

  get startToken(): number {
    return this.settings.startToken
  }

  get paddingToken(): number {
    return this.settings.paddingToken
  }

  override get layerPaths(): readonly string[] {
    return ['encoder.layers', 'decoder.layers']
  }

  tokenTable(): Embedding {
    return this.shared
  }

  encode(ids: Tensor, context: Context): Tensor {
    return this.encoder.forward(ids, context)
  }

  decode(ids: Tensor, context: Context): Tensor {
    return this.decoder.forward(ids, context)
  }
}

function readSettings(keys: ConfigKeys): Settings {
  for (const [key, only] of [
    ['tie_word_embeddings', true],
    ['is_decoder', false],
  ] as const)
    if (keys.flag(key, only) !== only) throw keys.unsupported(key, [only])
  for (const key of ['encoder_layerdrop', 'decoder_layerdrop'])
    if (keys.rate(key) !== 0) throw keys.unsupported(key, [0])
  const size = keys.size('d_model', 1024)
  const side = (name: string): BartSide => ({
    layers: keys.size(`${name}_layers`, 12),
    heads: keys.size(`${name}_attention_heads`, 16),
    innerSize: keys.size(`${name}_ffn_dim`, 4096),
    isDecoder: name === 'decoder',
  })
  const [encoder, decoder] = [side('encoder'), side('decoder')]
  if (size % encoder.heads !== 0 || size % decoder.heads !== 0) {
    throw keys.conflict('the hidden size must divide into the heads', {
      d_model: size,
      encoder_attention_heads: encoder.heads,
      decoder_attention_heads: decoder.heads,
    })
  }
  return {
    vocabularySize: keys.size('vocab_size', 50_265),
    size,
    encoder,
    decoder,
    maxPositions: keys.size('max_position_embeddings', 1024),
    scale: keys.flag('scale_embedding', false) ? Math.sqrt(size) : 1,
    dropout: keys.rate('dropout', 0.1),
    attentionDropout: keys.rate('attention_dropout'),
    activationDropout: keys.rate('activation_dropout'),
    activation: activationOf(keys, 'activation_function', 'gelu'),
    deviation: keys.number('init_std', 0.02),
    startToken: keys.optionalInteger('decoder_start_token_id') ?? 2,
    paddingToken: keys.optionalInteger('pad_token_id') ?? 1,
  }
}

function buildModel(settings: Settings, scope: ParameterScope): BartModel {
  const { vocabularySize: rows, size, deviation, paddingToken: padding, scale, encoder, decoder } = settings
  const shared = tokenEmbedding(scope, 'shared', { rows, size, deviation, padding, scale })
  const side = (own: BartSide) => buildStack(settings, own, scope, withFields(shared, {}))
  return new BartModel(shared, side(encoder), side(decoder), settings)
}
