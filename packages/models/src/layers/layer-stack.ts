/** Running a model's layers one after another, with the hidden states that transformers hands out on request. */
import type { Context, Module, Tensor } from '@espalier/core'

/**
 * x (batch, tokens, hidden) through all layers and the last norm, or what else stands there. Captures `hidden_states.0` before the layers
 * and `hidden_states.i` after layer i; the last one is taken after the norm. name: instead of `hidden_states`.
 */
export function runLayers(
  x: Tensor,
  layers: readonly Pick<Module, 'forward'>[],
  context: Context,
  norm?: Pick<Module, 'forward'>,
  name = 'hidden_states',
): Tensor {
  const capture = (index: number, value: Tensor) => context.trace.capture(`${name}.${index}`, () => value)
  capture(0, x)
  const y = layers.reduce((hidden, layer, i) => {
    const next = layer.forward(hidden, context)
    if (i + 1 < layers.length || norm === undefined) capture(i + 1, next)
    return next
  }, x)
  if (norm === undefined) return y
  const normed = norm.forward(y, context)
  capture(layers.length, normed)
  return normed
}
