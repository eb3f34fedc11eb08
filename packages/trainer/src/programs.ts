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
  pad,
  reduceSum,
  rematerialize,
  requireParts,
  reshape,
  type Spec,
  select,
  sizeOf,
  sqrt,
  sub,
  type Tensor,
  zerosLike,
} from '@espalier/core'
import type { EvaluationMetrics } from './evaluate.js'
import type { Optimizer } from './optimizers/optimizer.js'
import { joined, type ParameterGroup, partsOf } from './parameter-groups.js'
import { type TrainingTransform, transformProgram } from './training-transform.js'

/** Feeds of a micro-batch by name. */
export type Feeds = Readonly<Record<string, HostTensor>>

/** Slot of a group's gradient sum. */
export function gradientSlot({ name }: ParameterGroup): string {
  return `grad:${name}`
}

/** Slot of an optimizer state of a group. */
export function optimizerSlot(state: string, { name }: ParameterGroup): string {
  return `optimizer.${state}:${name}`
}

/** What a run computes of a micro-batch. */
export interface Objective {
  readonly model: Model
  readonly loss: LossFunction
  /** Rewrite the program that accumulates gradients, in order. */
  readonly transforms?: readonly TrainingTransform[]
}

// The last one of each model: a run asks for the same program as the preflight before it, and building it takes a while.
const latest = new WeakMap<Model, { readonly key: string; readonly objective: Objective; readonly program: Program }>()

/**
 * Adds a micro-batch's gradients to the groups' sums. Output `loss_sum`. The feeds' names, dtypes and shapes make the program; asked for
 * again, it is the same object. Throws graph.invalid for a transform that gives other roots.
 */
export function accumulateProgram(objective: Objective, groups: readonly ParameterGroup[], feeds: Feeds): Program {
  const { model } = objective
  const key = `${specsKey(Object.entries(feeds))} | ${groups.map(groupKey).join(' | ')}`
  const known = latest.get(model)
  if (known?.key === key && isSame(known.objective, objective)) return known.program
  const program = buildAccumulate(objective, groups, feeds)
  latest.set(model, { key, objective, program })
  return program
}

function isSame(a: Objective, b: Objective): boolean {
  const [before = [], after = []] = [a.transforms, b.transforms]
  return a.loss === b.loss && before.length === after.length && before.every((each, i) => each === after[i])
}

/** Names, dtypes and shapes as text. */
export function specsKey(specs: Iterable<readonly [string, Spec]>): string {
  return [...specs].map(([name, { dtype, shape }]) => `${name}:${dtype}[${shape.join(',')}]`).join(' ')
}

function groupKey({ shape, members }: ParameterGroup): string {
  return `${shape} ${members.map(({ slot }) => slot).join(' ')}`
}

function buildAccumulate(
  { model, loss, transforms = [] }: Objective,
  groups: readonly ParameterGroup[],
  feeds: Feeds,
): Program {
  const sum = loss(model, inputsOf(feeds))
  requireParts('computeLoss', sum, ['dtype', 'shape'], 'Let it return the sum of losses as a tensor of the graph')
  const parameters = namedParameters(model)
  const slots = groups.flatMap(({ members }) => members.map(({ slot }) => slot)).filter((slot) => parameters.has(slot))
  const found = gradients(
    sum,
    slots.map((slot) => (parameters.get(slot) as { value: Tensor }).value),
  )
  const program = { name: 'accumulate', outputs: { loss_sum: sum }, updates: addedGradients(groups, slots, found) }
  return transformProgram(program, [...transforms, rematerialize], model)
}

// The groups' sums of gradients with those of these parameters added.
function addedGradients(
  groups: readonly ParameterGroup[],
  slots: readonly string[],
  added: readonly Tensor[],
): Record<string, Tensor> {
  const gradientOf = new Map(slots.map((slot, i) => [slot, added[i] as Tensor]))
  return Object.fromEntries(
    groups.map((group) => {
      const total = input('state', gradientSlot(group), 'f32', group.shape)
      const own = group.members.map(({ slot, shape }) => gradientOf.get(slot) ?? constant(0, 'f32', shape))
      return [gradientSlot(group), add(total, joined(own))]
    }),
  )
}

/**
 * Adds the gradients of a model's penalty to the sums, as often as the step counts items: `applyProgram` divides by that. Feed `count`;
 * output `penalty`. A program of its own, since a step has it once, however many micro-batches it has.
 */
export function penaltyProgram(model: Model, penalty: Tensor, groups: readonly ParameterGroup[]): Program {
  const parameters = namedParameters(model)
  const slots = groups.flatMap(({ members }) => members.map(({ slot }) => slot)).filter((slot) => parameters.has(slot))
  const found = gradients(
    penalty,
    slots.map((slot) => (parameters.get(slot) as { value: Tensor }).value),
  )
  const counted = found.map((gradient) => mul(gradient, feed('count', 'f32', [])))
  return { name: 'penalty', outputs: { penalty }, updates: addedGradients(groups, slots, counted) }
}

/** The loss of a batch without gradients. Outputs `loss_sum` and, where it is wanted, `predictions`. */
export function evaluateProgram(
  model: Model,
  loss: LossFunction,
  feeds: Feeds,
  predict?: EvaluationMetrics['predict'],
): Program {
  const inputs = inputsOf(feeds)
  const outputs = { loss_sum: loss(model, inputs) }
  return {
    name: 'evaluate',
    outputs: predict === undefined ? outputs : { ...outputs, predictions: predict(model, inputs) },
  }
}

/** Settings of `applyProgram` that do not change during a run. */
export interface ApplySettings {
  readonly optimizer: Optimizer
  readonly clips: boolean
  /** Leaves what the optimizer saw in the place of the sums, for who looks at it after the step, instead of clearing them. Default false. */
  readonly keepsGradients?: boolean
}

const CLIP_EPSILON = 1e-6 // torch.nn.utils.clip_grad_norm_

/**
 * Normalises the gradient sums by the step's count, clips, updates and clears the sums (see `keepsGradients`). Feeds: `count`,
 * `learning_rate`, `max_grad_norm` and the optimizer's scalars. Outputs `grad_norm` (before clipping) and `finite`; when the norm is not finite, nothing changes.
 */
export function applyProgram(groups: readonly ParameterGroup[], settings: ApplySettings): Program {
  const { optimizer, clips, keepsGradients = false } = settings
  const scalar = (name: string) => feed(name, 'f32', [])
  const sums = groups.map((group) => ({ group, total: input('state', gradientSlot(group), 'f32', group.shape) }))
  const scaled = sums.map(({ total }) => div(total, scalar('count')))
  const norm = sqrt(scaled.map((g) => sumOf(mul(g, g))).reduce((a, b) => add(a, b), constant(0)))
  const finite = equal(sub(norm, norm), 0) // NaN and infinity differ from 0 here
  const factor = clips ? min(div(scalar('max_grad_norm'), add(norm, CLIP_EPSILON)), constant(1)) : undefined
  const scalars = Object.fromEntries(Object.keys(optimizer.scalars(1)).map((name) => [name, scalar(name)]))
  const updates: Record<string, Tensor> = {}
  sums.forEach(({ group, total }, i) => {
    const gradient = factor === undefined ? (scaled[i] as Tensor) : mul(scaled[i] as Tensor, factor)
    const parameter = joined(group.members.map(({ slot, shape }) => input('state', slot, 'f32', shape)))
    const states = Object.fromEntries(
      statesOf(group, optimizer).map(([name, { dtype, shape }]) => [
        name,
        input('state', optimizerSlot(name, group), dtype, shape),
      ]),
    )
    const next = optimizer.update({
      parameter,
      gradient,
      states,
      learningRate: scalar('learning_rate'),
      scalars,
      weightDecay: group.weightDecay,
    })
    for (const [slot, value] of partsOf(group, select(finite, next.parameter, parameter))) updates[slot] = value
    for (const [name, state] of Object.entries(next.states))
      updates[optimizerSlot(name, group)] = select(finite, state, states[name] as Tensor)
    updates[gradientSlot(group)] = select(finite, keepsGradients ? gradient : zerosLike(total), total)
  })
  return { name: 'apply', outputs: { grad_norm: norm, finite: cast(finite, 'f32') }, updates }
}

/** Zeros for everything that `applyProgram` and `accumulateProgram` keep besides the parameters. */
export function initialOptimizerState(
  groups: readonly ParameterGroup[],
  optimizer: Optimizer,
): Map<string, HostTensor> {
  const state = new Map<string, HostTensor>()
  for (const group of groups)
    for (const [name, { dtype, shape }] of statesOf(group, optimizer))
      state.set(optimizerSlot(name, group), hostTensor(dtype, shape))
  return new Map([...state, ...zeroGradients(groups)])
}

/** Names, dtypes and shapes of the states that an optimizer keeps of a group, or of one of its members alone. */
export function statesOf(
  { shape, ofClass }: Pick<ParameterGroup, 'shape' | 'ofClass'>,
  optimizer: Optimizer,
): (readonly [name: string, spec: Spec])[] {
  return optimizer.states.flatMap((name) => {
    const own =
      optimizer.stateSpec === undefined ? { dtype: 'f32' as const, shape } : optimizer.stateSpec(name, shape, ofClass)
    return own === undefined ? [] : [[name, own] as const]
  })
}

/** Zeros for the sums of gradients. */
export function zeroGradients(groups: readonly ParameterGroup[]): Map<string, HostTensor> {
  return new Map(groups.map((group) => [gradientSlot(group), hostTensor('f32', group.shape)]))
}

const ROW = 1024

// Row by row: float32 loses digits in a sum of millions in one go.
function sumOf(x: Tensor): Tensor {
  const size = sizeOf(x.shape)
  if (size <= ROW) return reduceSum(x)
  const rows = Math.ceil(size / ROW)
  const filled = pad(reshape(x, [size]), [0], [rows * ROW - size])
  return sumOf(reduceSum(reshape(filled, [rows, ROW]), { axes: [1] }))
}

function inputsOf(feeds: Feeds): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)]))
}
