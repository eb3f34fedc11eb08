/** Gemma: Llama with token rows scaled by the root of their size, norms whose weights are shifted by 1, and GELU in the gate. Source: arXiv:2403.08295 §2. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { tokenClassifier } from './heads/token-classification.js'
import { activationOf } from './layers/activation.js'
import { shiftedRmsNorm } from './layers/shifted-norm.js'
import { type LlamaSettings, llamaLike, llamaSettings } from './llama.js'

/** What configurations of Gemma mean where they leave keys out. */
export const gemmaDefaults = {
  head_dim: 256,
  max_position_embeddings: 8192,
  pad_token_id: 0,
  tie_word_embeddings: true,
}

/** Gemma with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. Throws model.unsupported where tokens see later ones. */
export const gemma: Architecture = llamaLike({
  modelType: 'gemma',
  className: 'Gemma',
  defaults: { ...gemmaDefaults, num_key_value_heads: 16 },
  settings: (keys) => gemmaSettings(keys, 'hidden_act', { gelu: 'gelu_pytorch_tanh' }), // the first files say `gelu` and mean its approximation
  heads: { TOKEN_CLS: tokenClassifier({ className: 'GemmaForTokenClassification', field: 'score' }) },
  parts: { norm: shiftedRmsNorm },
})

/** Reads the settings of a Gemma. activationKey: what names its activation; named: a family's own names for them. Throws model.config and model.unsupported. */
export function gemmaSettings(
  keys: ConfigKeys,
  activationKey: string,
  named: Readonly<Record<string, string>> = {},
): LlamaSettings {
  if (keys.flag('use_bidirectional_attention', false)) throw keys.unsupported('use_bidirectional_attention', [false])
  const { bias, ...read } = llamaSettings(keys)
  return {
    ...read,
    bias: { ...bias, inner: false },
    tokenScale: Math.sqrt(read.sizes.hiddenSize),
    activation: activationOf(keys, activationKey, 'gelu_pytorch_tanh', named),
  }
}
