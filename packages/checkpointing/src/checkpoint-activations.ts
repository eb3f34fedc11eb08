/** Activation checkpointing as a training transform. Source: arXiv:1604.06174 §4. */
import { checkOptions, EspalierError, type Model, type Tensor, topologicalOrder } from '@espalier/core'
import { recompute } from './recompute.js'
import { segments } from './segments.js'

/** What is kept from the forward pass, and what is made again in the backward. */
export interface CheckpointingOptions {
  /** Layers between two values that are kept: 1, the default, keeps what goes into each layer. */
  readonly every?: number
  /** How many layers are made again, from the first that gradients reach on; the others keep all. Default: all. Less is faster and takes more memory. */
  readonly layers?: number
  /** Whether the sum in the middle of a layer is kept beside its input: more memory, and the layer's last products need not be made again. Nothing changes where norms follow sums, as in BERT and BART, or where halves run side by side. Default false. */
  readonly keepsResiduals?: boolean
}

/**
 * A transform for `transforms` of a trainer: of each layer only its input stays from the forward pass; the rest is made again once the
 * backward reaches the layer. Losses and gradients stay the same, bit for bit where sums have a fixed order. A model of k layers then holds k inputs and one layer's values, for
 * a second forward pass of what is made again. Works with any tuner and any backend. Throws config.unknown, config.value.
 */
export function checkpointActivations(options: CheckpointingOptions = {}) {
  checkOptions<CheckpointingOptions>('checkpointActivations', options, {
    every: 'number',
    layers: 'number',
    keepsResiduals: 'boolean',
  })
  const { every = 1, layers = Number.MAX_SAFE_INTEGER, keepsResiduals = false } = options
  for (const [name, value, least] of [
    ['every', every, 1],
    ['layers', layers, 0],
  ] as const)
    if (!Number.isSafeInteger(value) || value < least)
      throw new EspalierError('config.value', {
        what: `a number of layers must be a whole number from ${least} on`,
        got: { [name]: value },
      })
  return (roots: readonly Tensor[], { model }: { readonly model: Model }): readonly Tensor[] => {
    const [loss] = roots
    if (loss === undefined) return roots
    const order = topologicalOrder([loss])
    const forward = new Set(order)
    const backward = topologicalOrder(roots).filter((node) => !forward.has(node))
    const read = new Set(backward.flatMap((node) => node.inputs))
    return recompute(roots, { forward, backward }, segments(order, read, model, { every, layers, keepsResiduals }))
  }
}
