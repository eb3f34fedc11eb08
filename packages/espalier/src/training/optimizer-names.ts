/** transformers' names of the optimizers that exist here. */
export const optimizerNames = [
  'adamw_torch',
  'adamw_torch_fused',
  'sgd',
  'adagrad',
  'rmsprop',
  'adafactor',
  'lion_32bit',
] as const

/** One of them. */
export type OptimizerName = (typeof optimizerNames)[number]
