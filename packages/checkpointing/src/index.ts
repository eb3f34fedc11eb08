/** @module Activation checkpointing: a training transform that makes values of the forward again in the backward. */
export { type CheckpointingOptions, checkpointActivations } from './checkpoint-activations.js'
export { multiplyAdds } from './multiply-adds.js'
