/** The programs of a run: accumulate (micro-batch), apply (step) and evaluate. What changes between steps is fed, so each compiles once per shape. */
import {
  add,
  cast,
  constant,
  div,
  equal,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  input,
  type LossFunction,
  type Model,
  min,
  mul,
  namedParameters,
  type Program,
  reduceSum,
  type Spec,
  select,
  sqrt,
  sub,
  type Tensor,
  zerosLike,
} from '@espalier/core'
import type { Optimizer } from './optimizers/optimizer.js'

/** Feeds of a micro-batch by name. */
export type Feeds = Readonly<Record<string, HostTensor>>

/** What trains: state slots of the tree's Parameters. */
export type Trained = ReadonlyMap<string, Spec>

/** Slot of a parameter's gradient sum. */
export function gradientSlot(slot: string): string {
  return `grad:${slot}`
}

/** Slot of an optimizer state. */
export function optimizerSlot(name: string, slot: string): string {
  return `optimizer.${name}:${slot}`
}

// The last one of each model: a run asks for the same program as the preflight before it, and building it takes a while.
const latest = new WeakMap<Model, { readonly key: string; readonly loss: LossFunction; readonly program: Program }>()

/**
 * Adds a micro-batch's gradients to the sums. Output `loss_sum`. The feeds' names, dtypes and shapes make the program; asked for again,
 * it is the same object.
 */
export function accumulateProgram(model: Model, loss: LossFunction, trained: Trained, feeds: Feeds): Program {
  const key = `${specsKey(Object.entries(feeds))} | ${specsKey(trained)}`
  const known = latest.get(model)
  if (known?.key === key && known.loss === loss) return known.program
  const program = buildAccumulate(model, loss, trained, feeds)
  latest.set(model, { key, loss, program })
  return program
}

/** Names, dtypes and shapes as text. */
export function specsKey(specs: Iterable<readonly [string, Spec]>): string {
  return [...specs].map(([name, { dtype, shape }]) => `${name}:${dtype}[${shape.join(',')}]`).join(' ')
}

function buildAccumulate(model: Model, loss: LossFunction, trained: Trained, feeds: Feeds): Program {
  const sum = loss(model, inputsOf(feeds))
  const parameters = namedParameters(model)
  const slots = [...trained.keys()].filter((slot) => parameters.has(slot))
  const found = gradients(
    sum,
    slots.map((slot) => (parameters.get(slot) as { value: Tensor }).value),
  )
  return { name: 'accumulate', outputs: { loss_sum: sum }, updates: addedGradients(trained, slots, found) }
}

// The sums of gradients with these added.
function addedGradients(trained: Trained, slots: readonly string[], added: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(
    slots.map((slot, i) => {
      const total = input('state', gradientSlot(slot), 'f32', (trained.get(slot) as Spec).shape)
      return [gradientSlot(slot), add(total, added[i] as Tensor)]
    }),
  )
}

/**
 * Adds the gradients of a model's penalty to the sums, as often as the step counts items: `applyProgram` divides by that. Feed `count`;
 * output `penalty`. A program of its own, since a step has it once, however many micro-batches it has.
 */
export function penaltyProgram(model: Model, penalty: Tensor, trained: Trained): Program {
  const parameters = namedParameters(model)
  const slots = [...trained.keys()].filter((slot) => parameters.has(slot))
  const found = gradients(
    penalty,
    slots.map((slot) => (parameters.get(slot) as { value: Tensor }).value),
  )
  const counted = found.map((gradient) => mul(gradient, feed('count', 'f32', [])))
  return { name: 'penalty', outputs: { penalty }, updates: addedGradients(trained, slots, counted) }
}

/** The loss of a batch without gradients. Output `loss_sum`. */
export function evaluateProgram(model: Model, loss: LossFunction, feeds: Feeds): Program {
  return { name: 'evaluate', outputs: { loss_sum: loss(model, inputsOf(feeds)) } }
}

/** Settings of `applyProgram` that do not change during a run. */
export interface ApplySettings {
  readonly optimizer: Optimizer
  readonly clips: boolean
  /** Leaves what the optimizer saw in the place of the sums, for who looks at it after the step, instead of clearing them. Default false. */
  readonly keepsGradients?: boolean
  /** Decoupled decay of a slot. */
  weightDecay(slot: string): number
}

const CLIP_EPSILON = 1e-6 // torch.nn.utils.clip_grad_norm_

/**
 * Normalises the gradient sums by the step's count, clips, updates and clears the sums (see `keepsGradients`). Feeds: `count`, `learning_rate`, `max_grad_norm`
 * and the optimizer's scalars. Outputs `grad_norm` (before clipping) and `finite`; when the norm is not finite, nothing changes.
 */
export function applyProgram(trained: Trained, settings: ApplySettings): Program {
  const { optimizer, clips, keepsGradients = false } = settings
  const scalar = (name: string) => feed(name, 'f32', [])
  const sums = [...trained].map(([slot, { shape }]) => ({
    slot,
    shape,
    parameter: input('state', slot, 'f32', shape),
    total: input('state', gradientSlot(slot), 'f32', shape),
  }))
  const scaled = sums.map(({ total }) => div(total, scalar('count')))
  const norm = sqrt(scaled.map((g) => reduceSum(mul(g, g))).reduce((a, b) => add(a, b), constant(0)))
  const finite = equal(sub(norm, norm), 0) // NaN and infinity differ from 0 here
  const factor = clips ? min(div(scalar('max_grad_norm'), add(norm, CLIP_EPSILON)), constant(1)) : undefined
  const scalars = Object.fromEntries(Object.keys(optimizer.scalars(1)).map((name) => [name, scalar(name)]))
  const updates: Record<string, Tensor> = {}
  sums.forEach(({ slot, shape, parameter, total }, i) => {
    const gradient = factor === undefined ? (scaled[i] as Tensor) : mul(scaled[i] as Tensor, factor)
    const states = Object.fromEntries(
      optimizer.states.map((name) => [name, input('state', optimizerSlot(name, slot), 'f32', shape)]),
    )
    const next = optimizer.update({
      parameter,
      gradient,
      states,
      learningRate: scalar('learning_rate'),
      scalars,
      weightDecay: settings.weightDecay(slot),
    })
    updates[slot] = select(finite, next.parameter, parameter)
    for (const [name, state] of Object.entries(next.states))
      updates[optimizerSlot(name, slot)] = select(finite, state, states[name] as Tensor)
    updates[gradientSlot(slot)] = select(finite, keepsGradients ? gradient : zerosLike(total), total)
  })
  return { name: 'apply', outputs: { grad_norm: norm, finite: cast(finite, 'f32') }, updates }
}

/** Zeros for everything that `applyProgram` and `accumulateProgram` keep besides the parameters. */
export function initialOptimizerState(trained: Trained, optimizer: Optimizer): Map<string, HostTensor> {
  const state = new Map<string, HostTensor>()
  for (const [slot, { shape }] of trained)
    for (const name of optimizer.states) state.set(optimizerSlot(name, slot), hostTensor('f32', shape))
  return new Map([...state, ...zeroGradients(trained)])
}

/** Zeros for the sums of gradients. */
export function zeroGradients(trained: Trained): Map<string, HostTensor> {
  return new Map([...trained].map(([slot, { shape }]) => [gradientSlot(slot), hostTensor('f32', shape)]))
}

function inputsOf(feeds: Feeds): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)]))
}
