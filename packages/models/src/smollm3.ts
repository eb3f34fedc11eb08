/** SmolLM3: Llama of which every fourth layer has no positions. Source: arXiv:2501.18795 §3, which it takes this from. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { layerWindows } from './config/layer-windows.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { answersPrefix, type LayerSettings, llamaLike, llamaSettings } from './llama.js'

/** SmolLM3 with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. PEFT has no default targets for it. */
export const smollm3: Architecture = llamaLike({
  modelType: 'smollm3',
  className: 'SmolLM3',
  defaultTargets: [],
  defaults: {
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
    rope_theta: 2_000_000,
    pad_token_id: 128_004,
    tie_word_embeddings: true,
  },
  settings: (keys) => ({ ...llamaSettings(keys), layers: layersOf(keys) }),
  taskPrefixes: answersPrefix,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'SmolLM3ForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'SmolLM3ForQuestionAnswering', field: 'qa_outputs' }),
  },
})

// Where windows are on, the layers without positions have them.
function layersOf(keys: ConfigKeys): readonly LayerSettings[] {
  const turns = layersThatTurn(keys)
  const window = keys.has('sliding_window') ? keys.size('sliding_window') : null
  const isOn = keys.flag('use_sliding_window', false)
  return layerWindows(keys, window, (layer) => isOn && !turns[layer]).map((window, layer) => ({
    window,
    ...(turns[layer] ? {} : { rotary: null }),
  }))
}

function layersThatTurn(keys: ConfigKeys): readonly boolean[] {
  const count = keys.parts('num_hidden_layers')
  const interval = keys.size('no_rope_layer_interval', 4)
  const implied = () => Array.from({ length: count }, (_, layer) => Number((layer + 1) % interval !== 0))
  const marks = keys.has('no_rope_layers') ? keys.numbers('no_rope_layers') : implied()
  if (marks.length < count)
    throw keys.conflict('every layer needs a number that says whether it turns', {
      no_rope_layers: marks.length,
      num_hidden_layers: count,
    })
  return marks.map((mark) => mark !== 0)
}
