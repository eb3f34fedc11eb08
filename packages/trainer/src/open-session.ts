/** A session from a trainer's options, with the parameters that transformers excludes from weight decay. */
import { Embedding, LayerNorm, lossOf, type Module, namedModules, ownParameters } from '@espalier/core'
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
    isEmbedding: embeddingRule(model.model),
    signal,
  })
}

/** Decoupled decay by slot: the given one, or 0 for what is excluded. */
export function decayOf(root: Module, weightDecay: number): (slot: string) => number {
  const isDecayed = decayRule(root)
  return (slot) => (isDecayed(slot) ? weightDecay : 0)
}

/** Which slots are whole embedding tables. */
export function embeddingRule(root: Module): (slot: string) => boolean {
  const slots = slotsIn(root, (module) => module instanceof Embedding)
  return (slot) => slots.has(slot)
}

const UNDECAYED = /bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)/i // transformers' Trainer.get_decay_parameter_names
const ADAPTER_PREFIX = /^[^.:]*:/

/** Which slots decay: neither biases nor norms, by name, nor anything in a layer norm, whatever its name (GPT-2's `ln_1`). */
export function decayRule(root: Module): (slot: string) => boolean {
  const inNorms = slotsIn(root, (module) => module instanceof LayerNorm)
  return (slot) => !inNorms.has(slot) && !UNDECAYED.test(slot.replace(ADAPTER_PREFIX, ''))
}

function slotsIn(root: Module, isOne: (module: Module) => boolean): ReadonlySet<string> {
  const modules = namedModules(root).flatMap(({ module }) => (isOne(module) ? [module] : []))
  return new Set(modules.flatMap((module) => ownParameters(module).map(({ slotName }) => slotName)))
}
