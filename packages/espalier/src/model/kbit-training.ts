/** A packed model made ready for adapters, as PEFT's `prepare_model_for_kbit_training` does it. */
import type { CheckpointingOptions } from '@espalier/checkpointing'
import {
  checkOptions,
  mapParameters,
  type OptionKinds,
  Parameter,
  packedParameters,
  requireParts,
} from '@espalier/core'
import type { PretrainedModel } from './pretrained-model.js'

/** Options of `prepareModelForKbitTraining`. */
export interface KbitTrainingOptions {
  /** Makes what layers compute again in the backward pass, in every run on the model whose `gradientCheckpointing` does not say otherwise. Default true. */
  readonly useGradientCheckpointing?: boolean
  /** What of it is kept. Default: the inputs of layers. */
  readonly gradientCheckpointing?: CheckpointingOptions
}

const OPTIONS: OptionKinds<KbitTrainingOptions> = {
  useGradientCheckpointing: 'boolean',
  gradientCheckpointing: 'object',
}
const OTHERS = {
  gradientCheckpointingKwargs:
    'Leave it out: useReentrant is about PyTorch’s graph. gradientCheckpointing says what is kept',
}

/**
 * The model for training an adapter on packed weights, as a handle to close by itself: what is not packed (norms, embeddings, the head)
 * computes in float32, and runs recompute activations. Weights are frozen and cotangents reach the first adapted layer in any case, so nothing
 * is left to do of PEFT's `requires_grad` and input gradients. A model that is not packed gets floats alone, as there. Throws config.value,
 * config.unknown, config.unsupported.
 */
export function prepareModelForKbitTraining(base: PretrainedModel, options: KbitTrainingOptions = {}): PretrainedModel {
  requireParts('model', base, ['asBase'], 'Give what AutoModelForCausalLM.fromPretrained returns, before getPeftModel')
  checkOptions('prepareModelForKbitTraining', options, OPTIONS, OTHERS)
  const { useGradientCheckpointing = true, gradientCheckpointing = {} } = options
  const packed = packedParameters(base.model)
  const model = mapParameters(base.model, (parameter) => {
    const { path, dtype, shape, source, slot, slotName, isBuffer, isPersistent, stored } = parameter
    if (packed.has(parameter) || dtype !== 'f16') return parameter
    return new Parameter(path, 'f32', shape, source, slot, slotName, isBuffer, isPersistent, stored)
  })
  const checkpoints = packed.size > 0 && useGradientCheckpointing
  return base.withModel(model, checkpoints ? { gradientCheckpointing } : {})
}
