/** Qwen2 and Qwen2.5: Llama with biases on queries, keys and values. Source: arXiv:2407.10671 §2.2. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { layerWindows } from './config/layer-windows.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { answersPrefix, type LayerSettings, llamaLike, llamaSettings } from './llama.js'

/** Qwen2 with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const qwen2: Architecture = llamaLike({
  modelType: 'qwen2',
  className: 'Qwen2',
  defaults: { max_position_embeddings: 32_768, sliding_window: 4096, max_window_layers: 28 },
  settings: (keys) => ({
    ...llamaSettings(keys),
    bias: { projections: true, output: false, inner: false },
    layers: qwenWindows(keys),
  }),
  taskPrefixes: answersPrefix,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'Qwen2ForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'Qwen2ForQuestionAnswering', field: 'qa_outputs' }),
  },
})

/** The layers' windows where `use_sliding_window` is set: from `max_window_layers` on, unless `layer_types` says of each. Throws model.config and model.unsupported. */
export function qwenWindows(keys: ConfigKeys): readonly LayerSettings[] {
  const isOn = keys.flag('use_sliding_window', false) && keys.has('sliding_window')
  const first = isOn ? keys.number('max_window_layers') : 0
  const windows = layerWindows(keys, isOn ? keys.size('sliding_window') : null, (layer) => layer >= first)
  return windows.map((window) => ({ window }))
}
