/** BERT: an encoder with learned positions and token types, and its heads. Source: arXiv:1810.04805 §3. */
import {
  type Architecture,
  type AttendOptions,
  add,
  attend,
  type Context,
  constant,
  joinHeads,
  Model,
  type ModelSizes,
  Module,
  maybeDropout,
  type ParameterScope,
  reshape,
  sliceAxis,
  splitHeads,
  type TaskType,
  type Tensor,
  tanh,
} from '@espalier/core'
import { ConfigKeys, labelCount } from './config/config-keys.js'
import { unsupportedTask } from './config/unsupported-task.js'
import { type Activation, activationOf } from './layers/activation.js'
import { runLayers } from './layers/layer-stack.js'
import { tokenEmbedding } from './layers/padded-embedding.js'

/** BERT with heads for SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const bert: Architecture = {
  modelType: 'bert',
  tasks: ['FEATURE_EXTRACTION', 'SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS'],
  baseModelPrefix: 'bert',
  defaultTargets: ['query', 'value'],
  // Files converted from TensorFlow keep its names for the two parts of a norm.
  renameParameter: (name) => name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias'),
  build(config, scope, task) {
    const keys = new ConfigKeys(config)
    const settings = readSettings(keys)
    const rate = keys.has('classifier_dropout') ? keys.rate('classifier_dropout') : settings.dropout
    const head = (name: string, labels: number) =>
      scope.linear(name, settings.sizes.hiddenSize, labels, { bias: true, deviation: settings.deviation })
    switch (task) {
      case 'FEATURE_EXTRACTION':
        return buildModel(settings, scope, true)
      case 'SEQ_CLS': {
        const base = buildModel(settings, scope.at('bert'), true)
        return new BertForSequenceClassification(base, head('classifier', labelCount(keys)), rate)
      }
      case 'TOKEN_CLS': {
        const base = buildModel(settings, scope.at('bert'), false)
        return new BertForTokenClassification(base, head('classifier', labelCount(keys)), rate)
      }
      case 'QUESTION_ANS':
        return new BertForQuestionAnswering(buildModel(settings, scope.at('bert'), false), head('qa_outputs', 2))
      default:
        throw unsupportedTask(bert, task)
    }
  },
}

/** BERT with a linear layer over the pooled first token: (batch, labels). */
class BertForSequenceClassification extends Model {
  readonly task: TaskType = 'SEQ_CLS'
  readonly className = 'BertForSequenceClassification'
  readonly causal = false
  readonly sizes: ModelSizes

  constructor(
    readonly bert: BertModel,
    readonly classifier: Module,
    readonly rate: number,
  ) {
    super()
    this.sizes = bert.sizes
  }

  forward(ids: Tensor, context: Context): Tensor {
    const pooled = this.bert.pooled(this.bert.forward(ids, context), context)
    return this.classifier.forward(maybeDropout(pooled, context, this.rate, 'dropout'), context)
  }
}

/** BERT with a linear layer over every token: (batch, tokens, labels). */
class BertForTokenClassification extends Model {
  readonly task: TaskType = 'TOKEN_CLS'
  readonly className = 'BertForTokenClassification'
  readonly causal = false
  readonly sizes: ModelSizes

  constructor(
    readonly bert: BertModel,
    readonly classifier: Module,
    readonly rate: number,
  ) {
    super()
    this.sizes = bert.sizes
  }

  forward(ids: Tensor, context: Context): Tensor {
    const hidden = maybeDropout(this.bert.forward(ids, context), context, this.rate, 'dropout')
    return this.classifier.forward(hidden, context)
  }
}

/** BERT with start and end logits for every token: (batch, tokens, 2). */
class BertForQuestionAnswering extends Model {
  readonly task: TaskType = 'QUESTION_ANS'
  readonly className = 'BertForQuestionAnswering'
  readonly causal = false
  readonly sizes: ModelSizes

  constructor(
    readonly bert: BertModel,
    readonly qa_outputs: Module,
  ) {
    super()
    this.sizes = bert.sizes
  }

  forward(ids: Tensor, context: Context): Tensor {
    return this.qa_outputs.forward(this.bert.forward(ids, context), context)
  }
}

/** The bare model: ids (batch, tokens) -> hidden states (batch, tokens, hidden). Captures `pooler_output` where there is a pooler. */
class BertModel extends Model {
  readonly task: TaskType = 'FEATURE_EXTRACTION'
  readonly className = 'BertModel'
  readonly causal = false

  constructor(
    readonly embeddings: Module,
    readonly encoder: Module,
    readonly pooler: Module | null,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const hidden = this.encoder.forward(this.embeddings.forward(ids, context), context)
    if (this.pooler !== null) context.trace.capture('pooler_output', () => this.pooled(hidden, context))
    return hidden
  }

  /** hidden (batch, tokens, hidden) -> (batch, hidden) of the first token. */
  pooled(hidden: Tensor, context: Context): Tensor {
    const first = reshape(sliceAxis(hidden, 1, 0, 1), [hidden.shape[0] as number, hidden.shape[2] as number])
    return this.pooler === null ? first : this.pooler.forward(first, context)
  }
}

/** Token, token type and position tables, summed and normed. */
class BertEmbeddings extends Module {
  constructor(
    readonly word_embeddings: Module,
    readonly position_embeddings: Module,
    readonly token_type_embeddings: Module,
    readonly LayerNorm: Module,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** ids (batch, tokens) -> (batch, tokens, hidden). */
  forward(ids: Tensor, context: Context): Tensor {
    const types = context.tokenTypes ?? constant(0, 'i32', [1, context.length])
    const words = this.word_embeddings.forward(ids, context)
    const typed = add(words, this.token_type_embeddings.forward(types, context))
    const placed = add(typed, this.position_embeddings.forward(context.positions, context))
    return maybeDropout(this.LayerNorm.forward(placed, context), context, this.rate, this.site)
  }
}

class BertEncoder extends Module {
  constructor(readonly layer: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return runLayers(x, this.layer, context)
  }
}

class BertLayer extends Module {
  constructor(
    readonly attention: Module,
    readonly intermediate: Module,
    readonly output: BertOutput,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const attended = this.attention.forward(x, context)
    return this.output.after(attended, this.intermediate.forward(attended, context), context)
  }
}

class BertAttention extends Module {
  constructor(
    readonly self: Module,
    readonly output: BertOutput,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.output.after(x, this.self.forward(x, context), context)
  }
}

class BertSelfAttention extends Module {
  constructor(
    readonly query: Module,
    readonly key: Module,
    readonly value: Module,
    readonly heads: number,
    readonly settings: AttendOptions,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const part = (projection: Module) => splitHeads(projection.forward(x, context), this.heads)
    return joinHeads(attend(part(this.query), part(this.key), part(this.value), context, this.settings))
  }
}

/** The projection that ends a block, and the norm over its sum with the block's input. */
class BertOutput extends Module {
  constructor(
    readonly dense: Module,
    readonly LayerNorm: Module,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return maybeDropout(this.dense.forward(x, context), context, this.rate, this.site)
  }

  /** norm(input + projection of the block's result). */
  after(input: Tensor, result: Tensor, context: Context): Tensor {
    return this.LayerNorm.forward(add(this.forward(result, context), input), context)
  }
}

/** A linear layer with an activation: the wide half of a block, and the pooler. */
class BertDense extends Module {
  constructor(
    readonly dense: Module,
    readonly activation: Activation,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.activation(this.dense.forward(x, context))
  }
}

interface Settings {
  readonly sizes: ModelSizes & { readonly maxPositions: number }
  readonly innerSize: number
  readonly typeCount: number
  readonly epsilon: number
  readonly dropout: number
  readonly attentionDropout: number
  readonly padding: number | null
  readonly deviation: number
  readonly activation: Activation
}

function readSettings(keys: ConfigKeys): Settings {
  if (keys.text('position_embedding_type', 'absolute') !== 'absolute')
    throw keys.unsupported('position_embedding_type', ['absolute'])
  if (keys.flag('is_decoder', false)) throw keys.unsupported('is_decoder', [false])
  const hiddenSize = keys.size('hidden_size')
  const headCount = keys.size('num_attention_heads')
  if (hiddenSize % headCount !== 0) {
    throw keys.conflict('the hidden size must divide into the heads', {
      hidden_size: hiddenSize,
      num_attention_heads: headCount,
    })
  }
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.size('num_hidden_layers'),
      headCount,
      groupCount: headCount,
      headSize: hiddenSize / headCount,
      maxPositions: keys.size('max_position_embeddings', 512),
    },
    innerSize: keys.size('intermediate_size'),
    typeCount: keys.size('type_vocab_size', 2),
    epsilon: keys.number('layer_norm_eps', 1e-12),
    dropout: keys.rate('hidden_dropout_prob', 0.1),
    attentionDropout: keys.rate('attention_probs_dropout_prob', 0.1),
    padding: keys.optionalInteger('pad_token_id'),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'hidden_act', 'gelu'),
  }
}

function buildModel(settings: Settings, scope: ParameterScope, pools: boolean): BertModel {
  const { sizes, typeCount, epsilon, dropout, padding, deviation } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  const tables = scope.at('embeddings')
  const embeddings = new BertEmbeddings(
    tokenEmbedding(tables, 'word_embeddings', { rows, size, deviation, padding }),
    tables.embedding('position_embeddings', sizes.maxPositions, size, deviation),
    tables.embedding('token_type_embeddings', typeCount, size, deviation),
    tables.layerNorm('LayerNorm', size, epsilon),
    dropout,
    `${tables.path}.dropout`,
  )
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) =>
    buildLayer(settings, scope.at(`encoder.layer.${layer}`), layer),
  )
  const pooler = pools
    ? new BertDense(scope.at('pooler').linear('dense', size, size, { bias: true, deviation }), tanh)
    : null
  return new BertModel(embeddings, new BertEncoder(layers), pooler, sizes)
}

function buildLayer(settings: Settings, scope: ParameterScope, layer: number): BertLayer {
  const { sizes, innerSize, epsilon, activation, dropout, attentionDropout, deviation } = settings
  const { hiddenSize: size, headCount, headSize } = sizes
  const options = { bias: true, deviation }
  const self = scope.at('attention.self')
  const output = (own: ParameterScope, inSize: number) =>
    new BertOutput(
      own.linear('dense', inSize, size, options),
      own.layerNorm('LayerNorm', size, epsilon),
      dropout,
      `${own.path}.dropout`,
    )
  return new BertLayer(
    new BertAttention(
      new BertSelfAttention(
        self.linear('query', size, size, options),
        self.linear('key', size, size, options),
        self.linear('value', size, size, options),
        headCount,
        { layer, scale: 1 / Math.sqrt(headSize), dropout: { rate: attentionDropout, site: `${self.path}.dropout` } },
      ),
      output(scope.at('attention.output'), size),
    ),
    new BertDense(scope.at('intermediate').linear('dense', size, innerSize, options), activation),
    output(scope.at('output'), innerSize),
  )
}
