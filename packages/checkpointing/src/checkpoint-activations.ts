/** Activation checkpointing as a training transform. Source: arXiv:1604.06174 §4. */
import { checkOptions, EspalierError, type Model, type Tensor, topologicalOrder } from '@espalier/core'
import { recompute } from './recompute.js'
import { type SegmentOptions, segments } from './segments.js'

/** What is kept from the forward pass, and what is made again in the backward. */
export interface CheckpointingOptions {
  /** Layers between two values that are kept: 1, the default, keeps what goes into each layer. */
  readonly every?: number
  /**
   * Which layers are made again; the others keep all. A number: so many, from the first that gradients reach on. A text: those whose whole
   * path it matches, as a Python pattern. A list: those with such a path or end of one, as `layers.3`. Default: all. Fewer are faster and take more memory.
   */
  readonly layers?: number | string | readonly string[]
  /** Whether the sum in the middle of a layer is kept beside its input, and where norms follow sums the one at its end: more memory, and the layer's last products need not be made again. Nothing changes where halves run side by side, or where the result of each is normed. Default false. */
  readonly keepsResiduals?: boolean
  /** Whether so much is kept that no product of large matrices is made again, only norms, activations, dropout and low-rank updates: hardly slower, and it saves the least. Default false. */
  readonly keepsProducts?: boolean
}

/**
 * A transform for `transforms` of a trainer: of each layer only its input stays from the forward pass; the rest is made again once the
 * backward reaches the layer. Losses and gradients stay the same, bit for bit where sums have a fixed order. A model of k layers then holds k inputs and one layer's values, for
 * a second forward pass of what is made again. Works with any tuner and any backend. Several options: each for the layers that those before it left. Throws config.unknown, config.value;
 * the transform too, where a pattern matches no layer.
 */
export function checkpointActivations(options: CheckpointingOptions | readonly CheckpointingOptions[] = {}) {
  const cuts = (Array.isArray(options) ? options : [options]).map(segmentOptions)
  return (roots: readonly Tensor[], { model }: { readonly model: Model }): readonly Tensor[] => {
    if (roots.length === 0) return roots
    const { order, forward, backward, read } = passesOf(roots)
    return recompute(roots, { forward, backward }, segments(order, read, model, cuts))
  }
}

/** How many layers of a graph of loss and gradients could be made again: those that gradients reach, each as often as it runs. */
export function reachedLayers(roots: readonly Tensor[], model: Model): number {
  const { order, read } = passesOf(roots)
  const single = { every: 1, layers: Number.MAX_SAFE_INTEGER, keepsResiduals: false, keepsProducts: false }
  return new Set(segments(order, read, model, [single]).segmentOf.values()).size
}

function passesOf(roots: readonly Tensor[]) {
  const order = topologicalOrder(roots.slice(0, 1)) // of the loss
  const forward = new Set(order)
  const backward = topologicalOrder(roots).filter((node) => !forward.has(node))
  return { order, forward, backward, read: new Set(backward.flatMap((node) => node.inputs)) }
}

function segmentOptions(options: CheckpointingOptions): SegmentOptions {
  checkOptions<CheckpointingOptions>('checkpointActivations', options, {
    every: 'number',
    layers: ['number', 'string', 'array'],
    keepsResiduals: 'boolean',
    keepsProducts: 'boolean',
  })
  const { every = 1, layers = Number.MAX_SAFE_INTEGER, keepsResiduals = false, keepsProducts = false } = options
  for (const [name, value, least] of [
    ['every', every, 1],
    ['layers', layers, 0],
  ] as const)
    if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < least))
      throw new EspalierError('config.value', {
        what: `a number of layers must be a whole number from ${least} on`,
        got: { [name]: value },
      })
  return { every, layers, keepsResiduals, keepsProducts }
}
