/** A session from a trainer's options, with the parameters that transformers excludes from weight decay. */
import { LayerNorm, lossOf, type Module, namedModules, ownParameters } from '@espalier/core'
import { adamw } from './optimizers/adamw.js'
import { TrainingSession } from './session.js'
import type { TrainerOptions } from './trainer-options.js'

/** Opens a session. Compilations in it honour the signal. */
export function openSession(options: TrainerOptions, signal: AbortSignal | undefined): Promise<TrainingSession> {
  const { model, backend, weights, settings = {} } = options
  const { weightDecay = 0, maxGradNorm = 1 } = settings
  return TrainingSession.open({
    model,
    backend,
    weights,
    loss: options.loss ?? lossOf(model.model),
    transforms: options.transforms ?? [],
    ...(options.metrics === undefined ? {} : { predict: options.metrics.predict }),
    optimizer: options.optimizer ?? adamw(),
    clips: maxGradNorm > 0,
    keepsGradients: options.onOptimizerStep !== undefined,
    weightDecay: decayOf(model.model, weightDecay),
    signal,
  })
}

/** Decoupled decay by slot: the given one, or 0 for what is excluded. */
export function decayOf(root: Module, weightDecay: number): (slot: string) => number {
  const isDecayed = decayRule(root)
  return (slot) => (isDecayed(slot) ? weightDecay : 0)
}

const UNDECAYED = /bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)/i // transformers' Trainer.get_decay_parameter_names
const ADAPTER_PREFIX = /^[^.:]*:/

/** Which slots decay: neither biases nor norms, by name, nor anything in a layer norm, whatever its name (GPT-2's `ln_1`). */
export function decayRule(root: Module): (slot: string) => boolean {
  const inNorms = new Set(
    namedModules(root).flatMap(({ module }) =>
      module instanceof LayerNorm ? ownParameters(module).map(({ slotName }) => slotName) : [],
    ),
  )
  return (slot) => !inNorms.has(slot) && !UNDECAYED.test(slot.replace(ADAPTER_PREFIX, ''))
}
