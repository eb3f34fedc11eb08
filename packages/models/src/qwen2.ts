/** Qwen2 and Qwen2.5: Llama with biases on queries, keys and values. Source: arXiv:2407.10671 §2.2. */
import type { Architecture } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { llamaLike, llamaSettings } from './llama.js'

/** Qwen2 with heads for CAUSAL_LM and SEQ_CLS, and the bare model. Throws model.unsupported where a layer's attention has a window. */
export const qwen2: Architecture = llamaLike({
  modelType: 'qwen2',
  className: 'Qwen2',
  defaults: { max_position_embeddings: 32_768, sliding_window: 4096, max_window_layers: 28 },
  settings(keys) {
    refuseWindows(keys)
    return { ...llamaSettings(keys), bias: { projections: true, output: false, inner: false } }
  },
})

// Layers from max_window_layers on have windows, unless layer_types says of each.
function refuseWindows(keys: ConfigKeys): void {
  if (keys.texts('layer_types').some((type) => type !== 'full_attention'))
    throw keys.unsupported('layer_types', ['full_attention'])
  const isOn = keys.flag('use_sliding_window', false) && keys.has('sliding_window') && !keys.has('layer_types')
  if (isOn && keys.number('max_window_layers') < keys.size('num_hidden_layers'))
    throw keys.unsupported('use_sliding_window', [false])
}
