/** GLM: Llama of which half of a head turns, in pairs side by side, with biases on queries, keys and values. Source: arXiv:2406.12793 §2; arXiv:2103.10360. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { tokenClassifier } from './heads/token-classification.js'
import { fusedGatedMlp, type LlamaSettings, llamaLike, llamaSettings } from './llama.js'

/** What configurations of GLM mean where they leave keys out. */
export const glmDefaults = {
  head_dim: 128,
  num_key_value_heads: 2,
  max_position_embeddings: 131_072,
  rms_norm_eps: 1.5625e-7,
  attention_bias: true,
  pad_token_id: 151_329,
}

/** GLM with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. PEFT has no default targets for it. */
export const glm: Architecture = llamaLike({
  modelType: 'glm',
  className: 'Glm',
  defaultTargets: [],
  defaults: glmDefaults,
  settings: glmSettings,
  heads: { TOKEN_CLS: tokenClassifier({ className: 'GlmForTokenClassification', field: 'score' }) },
  parts: { inner: fusedGatedMlp },
})

/** Reads the settings of a GLM. Throws model.config and model.unsupported. */
export function glmSettings(keys: ConfigKeys): LlamaSettings {
  const { bias, ...read } = llamaSettings(keys, { share: 0.5, interleaved: true })
  return {
    ...read,
    bias: { projections: bias.projections, output: false, inner: false },
  }
}
