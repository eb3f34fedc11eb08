/**
 * Everything that a run goes on from. Orders of rows and dropout are drawn from the seed by epoch, step and micro-batch, and schedules
 * follow from the step: nothing else is random or remembered.
 */
import { EspalierError, type HostTensor, type Spec } from '@espalier/core'

/** What is still to be done at the step that was reached: what is due at steps and at an epoch's end, at an epoch's end alone, or nothing. */
export type DueAtStep = 'step' | 'epoch' | 'nothing'

/** Where a run is, as plain values: JSON holds all of it but `configurations`' own values, which their tuners make. */
export interface RunPosition {
  /** Steps done. */
  readonly step: number
  /** Epochs done, as a fraction. */
  readonly epoch: number
  /** Whether the step was the last of its epoch. */
  readonly endsEpoch: boolean
  readonly due: DueAtStep
  /** The steps' losses so far, which the mean of the run is made of. */
  readonly losses: { readonly sum: number; readonly count: number }
  /** The best evaluation's metric so far, and its step; null before the first evaluation. */
  readonly best: { readonly metric: number; readonly step: number } | null
}

/** A run's state after a step. */
export interface TrainingState extends RunPosition {
  /** What trains, the optimizer's states and what hooks keep, by `stateKey`. */
  readonly tensors: ReadonlyMap<string, HostTensor>
  /** Configurations as tuners that follow steps left them, by the prefix of their slots. */
  readonly configurations: Readonly<Record<string, object>>
}

/** Kinds of tensors: what trains, its values at the best evaluation, and what hooks keep. An optimizer's states are kinds of their own, by their names. */
export const stateKinds = { parameter: 'parameter', best: 'best', memory: 'memory' } as const

/** The name of a tensor of a state. name: a slot, or what a hook called it. */
export function stateKey(kind: string, name: string): string {
  return `${kind}:${name}`
}

/** The kind's tensors of a state, by slot or by the hook's name. */
export function tensorsOf(tensors: ReadonlyMap<string, HostTensor>, kind: string): ReadonlyMap<string, HostTensor> {
  const prefix = stateKey(kind, '')
  return new Map(
    [...tensors].flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    ),
  )
}

/** Throws checkpoint.unfit unless a state has exactly these tensors, by `stateKey`, besides what hooks keep. */
export function requireFit(tensors: ReadonlyMap<string, HostTensor>, wanted: ReadonlyMap<string, Spec>): void {
  const ofHooks = stateKey(stateKinds.memory, '')
  const missing = [...wanted.keys()].filter((key) => !tensors.has(key))
  const unknown = [...tensors.keys()].filter((key) => !wanted.has(key) && !key.startsWith(ofHooks))
  const misshapen = [...wanted].flatMap(([key, spec]) => {
    const found = tensors.get(key)
    if (found === undefined || specText(found) === specText(spec)) return []
    return [`${key}: ${specText(found)}, not ${specText(spec)}`]
  })
  if (missing.length + unknown.length + misshapen.length === 0) return
  throw new EspalierError('checkpoint.unfit', {
    what: 'the training state of a checkpoint is that of another model or optimizer',
    got: { missing: missing.slice(0, NAMED), unknown: unknown.slice(0, NAMED), misshapen: misshapen.slice(0, NAMED) },
    fix: 'Go on with the model, the adapter and the optimizer that the run began with, or start a new run from its values',
  })
}

function specText({ dtype, shape }: Spec): string {
  return `${dtype}[${shape}]`
}

const NAMED = 5 // a model has hundreds, and one tells
