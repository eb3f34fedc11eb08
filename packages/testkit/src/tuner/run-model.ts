/** Running an adapted model on the reference executor: logits, a loss with gradients, merged weights. */
import {
  type AdaptedModel,
  add,
  type Backend,
  cast,
  type Executable,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  type Model,
  mergeAdapters,
  namedParameters,
  type Program,
  passOf,
  programSlots,
  Random,
  reference,
  type Tensor,
  weightRequests,
  widened,
} from '@espalier/core'
import { weightedSum } from '../graph-case.js'
import { holdDetached } from './held-values.js'

const IDS = hostTensor('i32', [2, 3], [0, 1, 2, 5, 4, 6])
type Feeds = Readonly<Record<string, HostTensor>>

const SPREAD = 0.3 // how far trained values are moved from where they start

/** Logits of fixed ids for the model's present state; `seed` makes dropout active. */
export async function logitsOf(adapted: AdaptedModel, model: Model = adapted.model): Promise<HostTensor> {
  const backend = reference()
  const executable = await compile(backend, logitsProgram(model), model)
  const { logits } = await executable.run({ feeds: { input_ids: IDS }, state: await boundState(adapted, backend) })
  return logits as HostTensor
}

/** The program of `logitsOf`. */
export function logitsProgram(model: Model): Program {
  return { name: 'logits', outputs: { logits: forward(model) } }
}

/** Moves every trained value away from where it starts, the same way for the same key and seed. */
export async function move(adapted: AdaptedModel, name: string, seed: number): Promise<void> {
  const adapter = adapted.adapter(name)
  const moved = [...(await adapter.values())].map(([key, { dtype, shape, data }]) => {
    const steps = new Random(seed).at(key).uniform(data.length, SPREAD)
    return [
      key,
      hostTensor(
        dtype,
        shape,
        Array.from(data, (x, i) => x + (steps[i] as number)),
      ),
    ] as const
  })
  adapter.setValues(new Map(moved))
}

/** Merges on the reference executor, all active adapters or those named. */
export async function merge(adapted: AdaptedModel, adapterNames?: readonly string[]): Promise<Map<string, HostTensor>> {
  const backend = reference()
  const weights = await backend.loadWeights(weightRequests(adapted.base.model))
  return mergeAdapters(adapted, backend, weights, adapterNames === undefined ? {} : { adapterNames })
}

/**
 * A loss and its gradients by every state slot that trains, in float64; `loss` alone reads the state given to it. Detached values stay in
 * `loss` as they are in the pass.
 */
export interface TrainingPass {
  readonly gradients: ReadonlyMap<string, HostTensor>
  loss(values: ReadonlyMap<string, HostTensor>): Promise<number>
}

/** The pass of the active adapters at their present values. */
export async function trainingPass(adapted: AdaptedModel): Promise<TrainingPass> {
  const backend = reference({ precision: 'f64' })
  const trainable = adapted.trainable()
  const values = await trainable.trainable()
  const parameters = namedParameters(trainable.model)
  const slots = [...values.keys()].filter((slot) => parameters.has(slot))
  const penalty = trainable.penalty?.()
  const output = widened(weightedSum([forward(trainable.model)]))
  const loss = penalty === undefined ? output : add(output, penalty)
  const found = gradients(
    loss,
    slots.map((slot) => (parameters.get(slot) as { value: Tensor }).value),
  )
  const wide = Object.fromEntries(found.map((g, i) => [slots[i] as string, cast(g, 'f64')]))
  const derive = await compile(backend, { name: 'gradients', outputs: wide }, trainable.model)
  const constant = holdDetached(loss)
  const measure = await compile(
    backend,
    { name: 'loss', outputs: { loss: cast(constant.loss, 'f64') } },
    trainable.model,
  )
  const run = async (executable: Executable, given: ReadonlyMap<string, HostTensor>, more: Feeds = {}) => {
    const set = await backend.createState(new Map([...given, ...trainable.fixed()]))
    const result = await executable.run({ feeds: { ...feedsOf(executable.program), ...more }, state: [{ set }] })
    set.release()
    return result
  }
  const isHeld = Object.keys(constant.held).length > 0
  const hold = { name: 'held', outputs: constant.held }
  const held = isHeld ? await run(await compile(backend, hold, trainable.model), values) : {}
  return {
    gradients: new Map(Object.entries(await run(derive, values))),
    loss: async (given) => (await run(measure, given, held)).loss?.data[0] as number,
  }
}

function forward(model: Model): Tensor {
  const { ids, context } = passOf({ input_ids: feed('input_ids', 'i32', IDS.shape) }, true)
  return model.forward(ids, context)
}

async function compile(backend: Backend, program: Program, model: Model): Promise<Executable> {
  return backend.compile(program, { weights: await backend.loadWeights(weightRequests(model)) })
}

async function boundState(adapted: AdaptedModel, backend: Backend) {
  return Promise.all(
    adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
  )
}

// A gradient may not depend on the ids at all, and then they are no feed.
function feedsOf(program: Program): Feeds {
  return programSlots(program).feed.has('input_ids') ? { input_ids: IDS } : {}
}
