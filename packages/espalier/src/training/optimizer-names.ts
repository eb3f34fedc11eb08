/** transformers' names of the optimizers that exist here. Paged ones keep their states in the memory of the host: on a processor they are the others. */
export const optimizerNames = [
  'adamw_torch',
  'adamw_torch_fused',
  'sgd',
  'adagrad',
  'rmsprop',
  'adafactor',
  'lion_32bit',
  'adamw_8bit',
  'adamw_bnb_8bit',
  'lion_8bit',
  'paged_adamw_32bit',
  'paged_adamw_8bit',
  'paged_lion_32bit',
  'paged_lion_8bit',
] as const

/** One of them. */
export type OptimizerName = (typeof optimizerNames)[number]
