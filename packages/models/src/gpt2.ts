/** GPT-2: Conv1D weights, learned positions, and a head that shares the token table. Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3. */
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
  maybeDropout,
  type ParameterScope,
  sliceAxis,
  splitHeads,
  type TaskType,
  type Tensor,
} from '@espalier/core'
import { ConfigKeys, labelCount } from './config/config-keys.js'
import { unsupportedTask } from './config/unsupported-task.js'
import { type Activation, activationOf } from './layers/activation.js'
import { lastTokens } from './layers/last-token.js'
import { runLayers } from './layers/layer-stack.js'

/** GPT-2 with heads for CAUSAL_LM and SEQ_CLS, and the bare model. */
export const gpt2: Architecture = {
  modelType: 'gpt2',
  tasks: ['CAUSAL_LM', 'SEQ_CLS', 'FEATURE_EXTRACTION'],
  baseModelPrefix: 'transformer',
  defaultTargets: ['c_attn'],
  build(config, scope, task) {
    const keys = new ConfigKeys(config)
    const settings = readSettings(keys)
    const { sizes, deviation } = settings
    const head = (name: string, outSize: number) =>
      scope.linear(name, sizes.hiddenSize, outSize, { bias: false, deviation })
    switch (task) {
      case 'FEATURE_EXTRACTION':
        return buildModel(settings, scope)
      case 'CAUSAL_LM': {
        const base = buildModel(settings, scope.at('transformer'))
        const tied = keys.flag('tie_word_embeddings', true)
        return new GPT2LMHeadModel(
          base,
          tied ? new Linear(base.wte.weight, null) : head('lm_head', sizes.vocabularySize),
          sizes,
        )
      }
      case 'SEQ_CLS': {
        const base = buildModel(settings, scope.at('transformer'))
        return new GPT2ForSequenceClassification(
          base,
          head('score', labelCount(keys)),
          sizes,
          keys.optionalInteger('pad_token_id'),
        )
      }
      default:
        throw unsupportedTask(gpt2, task)
    }
  },
}

/** GPT-2 with the projection to its vocabulary. */
class GPT2LMHeadModel extends CausalLM {
  readonly className = 'GPT2LMHeadModel'

  constructor(
    readonly transformer: Module,
    readonly lm_head: Module,
    readonly sizes: ModelSizes,
  ) {
    super()
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.transformer.forward(ids, context)
  }

  head(): Module {
    return this.lm_head
  }
}

/** GPT-2 with a linear layer over each row's last token. */
class GPT2ForSequenceClassification extends Model {
  readonly task: TaskType = 'SEQ_CLS'
  readonly className = 'GPT2ForSequenceClassification'
  readonly causal = true

  constructor(
    readonly transformer: Module,
    readonly score: Module,
    readonly sizes: ModelSizes,
    readonly padding: number | null,
  ) {
    super()
  }

  /** ids (batch, tokens) -> (batch, labels). */
  forward(ids: Tensor, context: Context): Tensor {
    return this.score.forward(lastTokens(this.transformer.forward(ids, context), ids, this.padding), context)
  }
}

/** The bare model: ids (batch, tokens) -> normed hidden states (batch, tokens, hidden). Token types are rows of the token table. */
class GPT2Model extends Model {
  readonly task: TaskType = 'FEATURE_EXTRACTION'
  readonly className = 'GPT2Model'
  readonly causal = true

  constructor(
    readonly wte: Embedding,
    readonly wpe: Module,
    readonly h: readonly Module[],
    readonly ln_f: Module,
    readonly sizes: ModelSizes,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  forward(ids: Tensor, context: Context): Tensor {
    const table: Module = this.wte
    const words = table.forward(ids, context)
    const placed = add(words, this.wpe.forward(context.positions, context))
    const typed = context.tokenTypes === undefined ? placed : add(placed, table.forward(context.tokenTypes, context))
    return runLayers(maybeDropout(typed, context, this.rate, this.site), this.h, context, this.ln_f)
  }
}

/** x + attention(norm(x)), then that plus mlp(norm(that)). */
class GPT2Block extends Module {
  constructor(
    readonly ln_1: Module,
    readonly attn: Module,
    readonly ln_2: Module,
    readonly mlp: Module,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const middle = add(x, this.attn.forward(this.ln_1.forward(x, context), context))
    return add(middle, this.mlp.forward(this.ln_2.forward(middle, context), context))
  }
}

/** Attention; one product makes queries, keys and values side by side. */
class GPT2Attention extends Module {
  constructor(
    readonly c_attn: Module,
    readonly c_proj: Module,
    readonly heads: number,
    readonly settings: AttendOptions,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const size = x.shape[2] as number
    const all = this.c_attn.forward(x, context) // (batch, tokens, 3 * hidden)
    const part = (i: number) => splitHeads(sliceAxis(all, 2, i * size, (i + 1) * size), this.heads)
    const y = joinHeads(attend(part(0), part(1), part(2), context, this.settings))
    return maybeDropout(this.c_proj.forward(y, context), context, this.rate, this.site)
  }
}

class GPT2MLP extends Module {
  constructor(
    readonly c_fc: Module,
    readonly c_proj: Module,
    readonly activation: Activation,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  /** x (batch, tokens, hidden) -> same. */
  forward(x: Tensor, context: Context): Tensor {
    const wide = this.activation(this.c_fc.forward(x, context))
    return maybeDropout(this.c_proj.forward(wide, context), context, this.rate, this.site)
  }
}

interface Settings {
  readonly sizes: ModelSizes & { readonly maxPositions: number }
  readonly innerSize: number
  readonly epsilon: number
  readonly deviation: number
  readonly activation: Activation
  readonly dropout: { readonly embedding: number; readonly attention: number; readonly residual: number }
  /** Factor of a layer's attention scores. */
  scale(layer: number): number
}

function readSettings(keys: ConfigKeys): Settings {
  if (keys.flag('add_cross_attention', false)) throw keys.unsupported('add_cross_attention', [false])
  const hiddenSize = keys.size('n_embd', 768)
  const headCount = keys.size('n_head', 12)
  if (hiddenSize % headCount !== 0) {
    throw keys.conflict('the hidden size must divide into the heads', { n_embd: hiddenSize, n_head: headCount })
  }
  const headSize = hiddenSize / headCount
  const base = keys.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headSize) : 1
  const byLayer = keys.flag('scale_attn_by_inverse_layer_idx', false)
  return {
    sizes: {
      vocabularySize: keys.size('vocab_size'),
      hiddenSize,
      layerCount: keys.size('n_layer', 12),
      headCount,
      groupCount: headCount,
      headSize,
      maxPositions: keys.size('n_positions', 1024),
    },
    innerSize: keys.size('n_inner', 4 * hiddenSize),
    epsilon: keys.number('layer_norm_epsilon', 1e-5),
    deviation: keys.number('initializer_range', 0.02),
    activation: activationOf(keys, 'activation_function', 'gelu_new'),
    dropout: {
      embedding: keys.rate('embd_pdrop', 0.1),
      attention: keys.rate('attn_pdrop', 0.1),
      residual: keys.rate('resid_pdrop', 0.1),
    },
    scale: (layer) => (byLayer ? base / (layer + 1) : base),
  }
}

function buildModel(settings: Settings, scope: ParameterScope): GPT2Model {
  const { sizes, epsilon, deviation, dropout } = settings
  const { hiddenSize: size } = sizes
  return new GPT2Model(
    scope.embedding('wte', sizes.vocabularySize, size, deviation),
    scope.embedding('wpe', sizes.maxPositions, size, deviation),
    Array.from({ length: sizes.layerCount }, (_, layer) => buildBlock(settings, scope.at(`h.${layer}`), layer)),
    scope.layerNorm('ln_f', size, epsilon),
    sizes,
    dropout.embedding,
    scope.at('drop').path,
  )
}

function buildBlock(settings: Settings, scope: ParameterScope, layer: number): GPT2Block {
  const { sizes, innerSize, epsilon, activation, dropout } = settings
  const { hiddenSize: size, headCount } = sizes
  const [attention, inner] = [scope.at('attn'), scope.at('mlp')]
  const scoring = {
    layer,
    scale: settings.scale(layer),
    dropout: { rate: dropout.attention, site: `${attention.path}.attn_dropout` },
  }
  return new GPT2Block(
    scope.layerNorm('ln_1', size, epsilon),
    new GPT2Attention(
      attention.conv1d('c_attn', size, 3 * size),
      attention.conv1d('c_proj', size, size),
      headCount,
      scoring,
      dropout.residual,
      `${attention.path}.resid_dropout`,
    ),
    scope.layerNorm('ln_2', size, epsilon),
    new GPT2MLP(
      inner.conv1d('c_fc', size, innerSize),
      inner.conv1d('c_proj', innerSize, size),
      activation,
      dropout.residual,
      `${inner.path}.dropout`,
    ),
  )
}
