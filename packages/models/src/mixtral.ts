/** Mixtral: Mistral whose wide halves are mixtures of experts. Source: arXiv:2401.04088 §2. */
import type { Architecture, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { mixtureSettings, type SparseSettings } from './config/mixture-settings.js'
import { sparseMoe } from './decoder/sparse-moe.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { llamaLike } from './llama.js'
import { mistralSettings } from './mistral.js'

/** Mixtral with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const mixtral: Architecture = llamaLike<SparseSettings>({
  modelType: 'mixtral',
  className: 'Mixtral',
  defaults: {
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    rope_theta: 1_000_000,
    rms_norm_eps: 1e-5,
    num_experts_per_tok: 2,
    num_local_experts: 8,
  },
  aliases: { num_experts: 'num_local_experts' },
  settings: mixtralSettings,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'MixtralForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'MixtralForQuestionAnswering', field: 'qa_outputs' }),
  },
  parts: {
    inner: ({ mixture }, scope) => sparseMoe({ ...mixture, files: filesAt(scope) }, scope),
  },
})

function mixtralSettings(keys: ConfigKeys): SparseSettings {
  const settings = mistralSettings(keys)
  const mixture = mixtureSettings(keys, {
    ...settings,
    expertCount: keys.parts('num_local_experts'),
    isNormalized: true,
    jitter: keys.rate('router_jitter_noise'),
  })
  return { ...settings, mixture }
}

// Files have Mixtral's own names, also those that transformers 5 writes.
function filesAt({ path }: ParameterScope) {
  const place = path.replace(/mlp$/, 'block_sparse_moe')
  return {
    router: `${place}.gate.weight`,
    expert(index: number) {
      const own = `${place}.experts.${index}`
      return { gate: `${own}.w1.weight`, up: `${own}.w3.weight`, down: `${own}.w2.weight` }
    },
  }
}
