/** Mistral: Llama whose layers see a window of the last tokens. Source: arXiv:2310.06825 §2. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { type LlamaSettings, llamaLike, llamaSettings } from './llama.js'

/** Mistral with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const mistral: Architecture = llamaLike({
  modelType: 'mistral',
  className: 'Mistral',
  defaults: { num_key_value_heads: 8, max_position_embeddings: 131_072, sliding_window: 4096 },
  settings: mistralSettings,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'MistralForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'MistralForQuestionAnswering', field: 'qa_outputs' }),
  },
})

/** One window for all layers or none, and no biases. Throws model.config and model.unsupported. */
export function mistralSettings(keys: ConfigKeys): LlamaSettings {
  if (keys.has('layer_types')) throw keys.unsupported('layer_types', [null])
  const settings = llamaSettings(keys)
  const window = keys.has('sliding_window') ? keys.size('sliding_window') : null
  return {
    ...settings,
    bias: { projections: false, output: false, inner: false },
    layers: Array.from({ length: settings.sizes.layerCount }, () => ({ window })),
  }
}
