/** @module Activation checkpointing: a training transform that makes values of the forward again in the backward. */
export { type CheckpointingOptions, checkpointActivations, reachedLayers } from './checkpoint-activations.js'
export { type BudgetToFit, type FittedCheckpointing, fitCheckpointing } from './fit-checkpointing.js'
export { multiplyAdds } from './multiply-adds.js'
