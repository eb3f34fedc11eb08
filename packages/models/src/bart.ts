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
import { type BartStack, type BartStackSettings, buildStack } from './bart/stack.js'
import type { ConfigKeys } from './config/config-keys.js'
import { architectureOf } from './family.js'
import { BareModel } from './heads/bare-model.js'
import { causalLM } from './heads/causal-lm.js'
import { EncoderDecoder } from './heads/encoder-decoder.js'
import { firstTokenClassifier } from './heads/first-token-classifier.js'
import { bareModel, overBase } from './heads/head.js'
import { questionAnswering } from './heads/question-answering.js'
import { seq2seqLM } from './heads/seq2seq-lm.js'
import { activationOf } from './layers/activation.js'
import { lastOfToken } from './layers/last-token.js'
import { tokenEmbedding } from './layers/padded-embedding.js'

/**
 * BART with heads for SEQ_2_SEQ_LM, SEQ_CLS, QUESTION_ANS and CAUSAL_LM (the decoder alone), and the bare model. Unlike transformers'
 * BartForCausalLM, whose loss takes each token for its own label and whose positions count padding on the left, the decoder alone learns
 * the next token, and a row reads the same in every batch.
 */
export const bart: Architecture = architectureOf<Settings, BareModel>({
  modelType: 'bart',
  baseModelPrefix: 'model',
  absentHeads: {
    MASKED_LM:
      'Use AutoModelForSeq2SeqLM: transformers has one class for both, and it fills masks by writing the text.',
  },
  defaultTargets: ['q_proj', 'v_proj'],
  // Files may name the shared table after any of its three places.
  renameParameter: (name, task) => {
    const shared = name.replace(/(^|\.)(?:encoder|decoder)\.embed_tokens\./, '$1shared.')
    return task === 'CAUSAL_LM' ? shared.replace(/(^|\.)shared\./, '$1decoder.embed_tokens.') : shared
  },
  defaults: { classifier_dropout: 0, num_labels: 3, tie_word_embeddings: true },
  renames: { init_std: 'initializer_range' },
  aliases: {
    hidden_size: 'd_model',
    num_hidden_layers: 'encoder_layers',
    num_attention_heads: 'encoder_attention_heads',
  },
  settings: readSettings,
  base: (settings, scope, task) => (task === 'CAUSAL_LM' ? buildDecoder : buildModel)(settings, scope),
  heads: {
    SEQ_2_SEQ_LM: overBase(seq2seqLM({ className: 'BartForConditionalGeneration', field: 'lm_head' })),
    // What the decoder made of the last end token stands for the text.
    SEQ_CLS: (request) => {
      const end = request.keys.optionalInteger('eos_token_id') ?? 2
      const names = { className: 'BartForSequenceClassification', field: 'classification_head' }
      return firstTokenClassifier(names, { input: (hidden, { ids }) => lastOfToken(hidden, ids, end) })(request)
    },
    QUESTION_ANS: questionAnswering({ className: 'BartForQuestionAnswering', field: 'qa_outputs' }),
    CAUSAL_LM: causalLM({ className: 'BartForCausalLM', field: 'lm_head' }),
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
    return sizesOf(this.settings)
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

/** The decoder, which reads nothing of an encoder: its attention to that rests. */
class BartDecoderWrapper extends BareModel {
  readonly className = 'BartDecoderWrapper'
  readonly causal = true

  constructor(
    readonly decoder: BartStack,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  override get layerPaths(): readonly string[] {
    return ['decoder.layers']
  }

  tokenTable(): Embedding {
    return this.decoder.embed_tokens
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.decoder.forward(ids, context)
  }
}

function readSettings(keys: ConfigKeys): Settings {
  if (!keys.flag('tie_word_embeddings', true)) throw keys.unsupported('tie_word_embeddings', [true])
  for (const key of ['encoder_layerdrop', 'decoder_layerdrop'])
    if (keys.rate(key) !== 0) throw keys.unsupported(key, [0])
  const size = keys.size('d_model', 1024)
  const side = (name: string): BartSide => ({
    layers: keys.parts(`${name}_layers`, 12),
    heads: keys.parts(`${name}_attention_heads`, 16),
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
    deviation: keys.number('initializer_range', 0.02),
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

function buildDecoder(settings: Settings, scope: ParameterScope): BartDecoderWrapper {
  const { vocabularySize: rows, size, deviation, paddingToken: padding, scale, decoder } = settings
  const table = tokenEmbedding(scope.at('decoder'), 'embed_tokens', { rows, size, deviation, padding, scale })
  return new BartDecoderWrapper(buildStack(settings, decoder, scope, table), sizesOf(settings))
}

function sizesOf({ vocabularySize, size: hiddenSize, maxPositions, decoder }: Settings): ModelSizes {
  const { layers: layerCount, heads: headCount } = decoder
  const headSize = hiddenSize / headCount
  return { vocabularySize, hiddenSize, layerCount, headCount, groupCount: headCount, headSize, maxPositions }
}
