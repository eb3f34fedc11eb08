/** StableLM: Llama with layer norms, of which a quarter of each head turns. Source: arXiv:2402.17834 §3. */
import {
  type Architecture,
  type Context,
  concat,
  constant,
  layerNorm,
  Module,
  type Parameter,
  type ParameterScope,
  sliceAxis,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type LlamaSettings, llamaLike, llamaSettings } from './llama.js'

/** StableLM with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. */
export const stablelm: Architecture = llamaLike({
  modelType: 'stablelm',
  className: 'StableLm',
  defaults: { num_key_value_heads: 32, max_position_embeddings: 4096 },
  settings: readSettings,
  heads: { TOKEN_CLS: tokenClassifier({ className: 'StableLmForTokenClassification', field: 'score' }) },
  parts: {
    norm: (scope, name, size, epsilon) => scope.layerNorm(name, size, epsilon),
    headNorms: {
      names: { queryNorm: 'q_layernorm', keyNorm: 'k_layernorm' },
      norm: (scope, name, { heads, size }, epsilon) => new NormOfEach(buildNorms(scope.at(name), heads, size, epsilon)),
    },
  },
})

function readSettings(keys: ConfigKeys): LlamaSettings {
  const settings = llamaSettings(keys, { share: 0.25 })
  const { sizes } = settings
  if (sizes.headSize * sizes.headCount !== sizes.hiddenSize)
    throw keys.conflict('the hidden size must divide into heads', {
      hidden_size: sizes.hiddenSize,
      num_attention_heads: sizes.headCount,
    })
  return {
    ...settings,
    epsilon: keys.epsilon('layer_norm_eps', 1e-5),
    bias: { projections: keys.flag('use_qkv_bias', false), output: false, inner: false },
    endDropout: { attention: 0, inner: keys.rate('hidden_dropout') },
    normsHeads: keys.flag('qk_layernorm', false),
    isParallel: keys.flag('use_parallel_residual', false),
  }
}

/** A norm of its own for each head: x (batch, heads, tokens, size) -> same. */
class NormOfEach extends Module {
  constructor(readonly norms: readonly Module[]) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const ofHead = (norm: Module, head: number) => norm.forward(sliceAxis(x, 1, head, head + 1), context)
    return concat(this.norms.map(ofHead), 1)
  }
}

/** Layer normalisation with a learned scale (size) and no shift. */
class ScaledNorm extends Module {
  constructor(
    readonly weight: Parameter,
    readonly epsilon: number,
  ) {
    super()
  }

  /** x (..., size) -> same. */
  forward(x: Tensor): Tensor {
    const { value } = this.weight
    return layerNorm(x, value, constant(0, value.dtype, value.shape), this.epsilon)
  }
}

function buildNorms(scope: ParameterScope, heads: number, size: number, epsilon: number): readonly Module[] {
  const weight = (head: number) => scope.at(`norms.${head}`).parameter('weight', [size], { fill: 1 })
  return Array.from({ length: heads }, (_, head) => new ScaledNorm(weight(head), epsilon))
}
