/** The Llama family: Llama 2 and 3, SmolLM2, TinyLlama and all else with this model_type. Source: arXiv:2302.13971 §2.2; arXiv:2307.09288. */
import {
  type Architecture,
  type AttendOptions,
  add,
  attend,
  CausalLM,
  type Context,
  type Embedding,
  joinHeads,
  Linear,
  Model,
  type ModelSizes,
  Module,
  mul,
  type ParameterScope,
  rope,
  splitHeads,
  type TaskType,
  type Tensor,
} from '@espalier/core'
import { ConfigKeys, labelCount } from './config/config-keys.js'
import { unsupportedTask } from './config/unsupported-task.js'
import { type Activation, activationOf } from './layers/activation.js'
import { lastTokens } from './layers/last-token.js'
import { runLayers } from './layers/layer-stack.js'
import { tokenEmbedding } from './layers/padded-embedding.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'

/** Llama with heads for CAUSAL_LM and SEQ_CLS, and the bare model. */
export const llama: Architecture = {
  modelType: 'llama',
  tasks: ['CAUSAL_LM', 'SEQ_CLS', 'FEATURE_EXTRACTION'],
  baseModelPrefix: 'model',
  defaultTargets: ['q_proj', 'v_proj'],
  build(config, scope, task) {
    const keys = new ConfigKeys(config)
    const settings = readSettings(keys)
    switch (task) {
      case 'FEATURE_EXTRACTION':
        return buildModel(settings, scope)
      case 'CAUSAL_LM':
        return buildCausal(settings, scope, keys.flag('tie_word_embeddings', false))
      case 'SEQ_CLS':
        return buildClassifier(settings, scope, labelCount(keys))
      default:
        throw unsupportedTask(llama, task)
    }
  },
}

/** Llama with the projection to its vocabulary. */
class LlamaForCausalLM extends CausalLM {
  readonly className = 'LlamaForCausalLM'

  constructor(
    readonly model: Module,
    readonly lm_head: Module,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.model.forward(ids, context)
  }

  head(): Module {
    return this.lm_head
  }
}

/** Llama with a linear layer over each row's last token. */
class LlamaForSequenceClassification extends Model {
  readonly task: TaskType = 'SEQ_CLS'
  readonly className = 'LlamaForSequenceClassification'
  readonly causal = true

  constructor(
    readonly model: Module,
    readonly score: Module,
    readonly sizes: ModelSizes,
    readonly padding: number | null,
  ) {
    super()
  }

  /** ids (batch, tokens) -> (batch, labels). */
  forward(ids: Tensor, context: Context): Tensor {
    return this.score.forward(lastTokens(this.model.forward(ids, context), ids, this.padding), context)
  }
}

/** The bare model: ids (batch, tokens) -> normed hidden states (batch, tokens, hidden). */
class LlamaModel extends Model {
  readonly task: TaskType = 'FEATURE_EXTRACTION'
  readonly className = 'LlamaModel'
  readonly causal = true

  constructor(
    readonly embed_tokens: Embedding,
    readonly layers: readonly Module[],
    readonly norm: Module,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const embedded = (this.embed_tokens as Module).forward(ids, context)
    return runLayers(embedded, this.layers, context, this.norm)
  }
}

/** x + attention(norm(x)), then that plus mlp(norm(that)). */
class LlamaDecoderLayer extends Module {
  constructor(
    readonly self_attn: Module,
    readonly mlp: Module,
    readonly input_layernorm: Module,
    readonly post_attention_layernorm: Module,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const middle = add(x, this.self_attn.forward(this.input_layernorm.forward(x, context), context))
    return add(middle, this.mlp.forward(this.post_attention_layernorm.forward(middle, context), context))
  }
}

/** What one layer's attention is made with besides its projections. */
interface AttentionSettings extends AttendOptions {
  readonly heads: number
  readonly groups: number
  readonly rotary: Rotary
}

/** Attention with rotary positions; several heads may share a key and a value. */
class LlamaAttention extends Module {
  constructor(
    readonly q_proj: Module,
    readonly k_proj: Module,
    readonly v_proj: Module,
    readonly o_proj: Module,
    readonly settings: AttentionSettings,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const { heads, groups, rotary } = this.settings
    const { cos, sin } = rotary.at(context.positions)
    const q = rope(splitHeads(this.q_proj.forward(x, context), heads), cos, sin)
    const k = rope(splitHeads(this.k_proj.forward(x, context), groups), cos, sin)
    const v = splitHeads(this.v_proj.forward(x, context), groups)
    return this.o_proj.forward(joinHeads(attend(q, k, v, context, this.settings)), context)
  }
}

/** down(activation(gate(x)) * up(x)). Source: arXiv:2002.05202 §2. */
class LlamaMLP extends Module {
  constructor(
    readonly gate_proj: Module,
    readonly up_proj: Module,
    readonly down_proj: Module,
    readonly activation: Activation,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const gate = this.activation(this.gate_proj.forward(x, context))
    return this.down_proj.forward(mul(gate, this.up_proj.forward(x, context)), context)
  }
}

/** What config.json says, checked. */
interface Settings {
  readonly sizes: ModelSizes
  readonly innerSize: number
  readonly epsilon: number
  readonly attentionBias: boolean
  readonly innerBias: boolean
  readonly dropout: number
  readonly padding: number | null
  readonly deviation: number
  readonly activation: Activation
  readonly rotary: Rotary
}

function readSettings(keys: ConfigKeys): Settings {
  const hiddenSize = keys.size('hidden_size')
  const headCount = keys.size('num_attention_heads')
  const groupCount = keys.size('num_key_value_heads', headCount)
  const headSize = keys.size('head_dim', Math.floor(hiddenSize / headCount))
  if (headCount % groupCount !== 0 || headSize % 2 !== 0) {
    throw keys.conflict('heads must divide into key/value heads of an even size', {
      num_attention_heads: headCount,
      num_key_value_heads: groupCount,
      head_dim: headSize,
    })
  }
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.size('num_hidden_layers'),
      headCount,
      groupCount,
      headSize,
      maxPositions: keys.size('max_position_embeddings', 2048),
    },
    innerSize: keys.size('intermediate_size'),
    epsilon: keys.number('rms_norm_eps', 1e-6),
    attentionBias: keys.flag('attention_bias', false),
    innerBias: keys.flag('mlp_bias', false),
    dropout: keys.rate('attention_dropout'),
    padding: keys.optionalInteger('pad_token_id'),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'hidden_act', 'silu'),
    rotary: rotaryOf(keys, headSize),
  }
}

function buildCausal(settings: Settings, scope: ParameterScope, tied: boolean): LlamaForCausalLM {
  const { sizes, deviation } = settings
  const model = buildModel(settings, scope.at('model'))
  const head = tied
    ? new Linear(model.embed_tokens.weight, null)
    : scope.linear('lm_head', sizes.hiddenSize, sizes.vocabularySize, { bias: false, deviation })
  return new LlamaForCausalLM(model, head, sizes)
}

function buildClassifier(settings: Settings, scope: ParameterScope, labels: number): LlamaForSequenceClassification {
  const { sizes, deviation, padding } = settings
  const model = buildModel(settings, scope.at('model'))
  const score = scope.linear('score', sizes.hiddenSize, labels, { bias: false, deviation })
  return new LlamaForSequenceClassification(model, score, sizes, padding)
}

function buildModel(settings: Settings, scope: ParameterScope): LlamaModel {
  const { sizes, deviation, padding, epsilon } = settings
  const { vocabularySize: rows, hiddenSize: size } = sizes
  return new LlamaModel(
    tokenEmbedding(scope, 'embed_tokens', { rows, size, deviation, padding }),
    Array.from({ length: sizes.layerCount }, (_, layer) => buildLayer(settings, scope.at(`layers.${layer}`), layer)),
    scope.rmsNorm('norm', size, epsilon),
    sizes,
  )
}

function buildLayer(settings: Settings, scope: ParameterScope, layer: number): LlamaDecoderLayer {
  const { sizes, innerSize, epsilon, activation, rotary, dropout, deviation } = settings
  const { hiddenSize, headCount: heads, groupCount: groups, headSize } = sizes
  const attention = scope.at('self_attn')
  const inner = scope.at('mlp')
  const ofAttention = { bias: settings.attentionBias, deviation }
  const ofInner = { bias: settings.innerBias, deviation }
  return new LlamaDecoderLayer(
    new LlamaAttention(
      attention.linear('q_proj', hiddenSize, heads * headSize, ofAttention),
      attention.linear('k_proj', hiddenSize, groups * headSize, ofAttention),
      attention.linear('v_proj', hiddenSize, groups * headSize, ofAttention),
      attention.linear('o_proj', heads * headSize, hiddenSize, ofAttention),
      {
        layer,
        heads,
        groups,
        scale: 1 / Math.sqrt(headSize),
        rotary,
        dropout: { rate: dropout, site: attention.path },
      },
    ),
    new LlamaMLP(
      inner.linear('gate_proj', hiddenSize, innerSize, ofInner),
      inner.linear('up_proj', hiddenSize, innerSize, ofInner),
      inner.linear('down_proj', innerSize, hiddenSize, ofInner),
      activation,
    ),
    scope.rmsNorm('input_layernorm', hiddenSize, epsilon),
    scope.rmsNorm('post_attention_layernorm', hiddenSize, epsilon),
  )
}
