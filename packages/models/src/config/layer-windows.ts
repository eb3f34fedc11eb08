/** Windows of attention, by layer. */
import type { ConfigKeys } from './config-keys.js'

const FULL = 'full_attention'
const SLIDING = 'sliding_attention'

/**
 * The window of every layer, null where it sees all before it: as `layer_types` says, else `slides`. window: null where the configuration
 * has none. Throws model.unsupported for other types of layers, and model.config where they are not one a layer, or slide without a window.
 */
export function layerWindows(
  keys: ConfigKeys,
  window: number | null,
  slides: (layer: number) => boolean,
): readonly (number | null)[] {
  const count = keys.parts('num_hidden_layers')
  const implied = () => Array.from({ length: count }, (_, layer) => (window !== null && slides(layer) ? SLIDING : FULL))
  const types = keys.has('layer_types') ? keys.texts('layer_types') : implied()
  if (types.some((type) => type !== FULL && type !== SLIDING)) throw keys.unsupported('layer_types', [FULL, SLIDING])
  if (types.length !== count || (window === null && types.includes(SLIDING)))
    throw keys.conflict('every layer needs a type, and one that slides a window', {
      layer_types: types,
      num_hidden_layers: count,
      sliding_window: window,
    })
  return types.map((type) => (type === SLIDING ? window : null))
}
