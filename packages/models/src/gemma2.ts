/** Gemma 2: Gemma with norms around both halves of a layer, windows in every other layer, and capped scores and logits. Source: arXiv:2408.00118 §2. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { layerWindows } from './config/layer-windows.js'
import { gemmaDefaults, gemmaSettings } from './gemma.js'
import { causalLM } from './heads/causal-lm.js'
import { tokenClassifier } from './heads/token-classification.js'
import { shiftedRmsNorm } from './layers/shifted-norm.js'
import { type LlamaParts, type LlamaSettings, llamaLike } from './llama.js'

/** Norms whose weights are shifted by 1, before and behind each half of a layer. */
export const gemma2Parts: Partial<LlamaParts> = {
  norm: shiftedRmsNorm,
  layerNames: {
    attention: 'self_attn',
    inner: 'mlp',
    attentionNorm: 'input_layernorm',
    attentionEndNorm: 'post_attention_layernorm',
    innerNorm: 'pre_feedforward_layernorm',
    innerEndNorm: 'post_feedforward_layernorm',
  },
}

/** Gemma 2 with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. Throws model.unsupported where tokens see later ones. */
export const gemma2: Architecture = llamaLike({
  modelType: 'gemma2',
  className: 'Gemma2',
  defaults: {
    ...gemmaDefaults,
    num_key_value_heads: 4,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  },
  settings: gemma2Settings,
  heads: {
    CAUSAL_LM: causalLM(
      { className: 'Gemma2ForCausalLM', field: 'lm_head' },
      { softCapKey: 'final_logit_softcapping' },
    ),
    TOKEN_CLS: tokenClassifier({ className: 'Gemma2ForTokenClassification', field: 'score' }),
  },
  parts: gemma2Parts,
})

function gemma2Settings(keys: ConfigKeys): LlamaSettings {
  const window = keys.has('sliding_window') ? keys.size('sliding_window') : null
  return {
    ...gemmaSettings(keys, 'hidden_activation'),
    scoreScale: keys.positive('query_pre_attn_scalar') ** -0.5,
    softCap: keys.optionalPositive('attn_logit_softcapping'),
    layers: layerWindows(keys, window, (layer) => layer % 2 === 0).map((own) => ({ window: own })),
  }
}
