/** A run's device side: state of what trains and of the optimizer, and programs compiled once per shape. */
import {
  type Backend,
  EspalierError,
  type Executable,
  type HostTensor,
  hostTensor,
  type LossFunction,
  mix32,
  programSlots,
  type Spec,
  type StateBinding,
  type StateSet,
  type TrainableModel,
  type WeightSet,
} from '@espalier/core'
import type { MicroBatch } from './batches.js'
import type { EvaluationMetrics } from './evaluate.js'
import { requireFiniteWeights } from './finite-start.js'
import { joinStates, splitStates, stateSlots, stateSpecs } from './optimizer-states.js'
import type { Optimizer } from './optimizers/optimizer.js'
import { type ParameterGroup, parameterGroups, partsOfValues } from './parameter-groups.js'
import {
  type ApplySettings,
  accumulateProgram,
  applyProgram,
  evaluateProgram,
  type Feeds,
  gradientSlot,
  initialOptimizerState,
  penaltyProgram,
  specsKey,
  zeroGradients,
} from './programs.js'
import { requireFit, stateKey, stateKinds, tensorsOf } from './training-state.js'
import type { TrainingTransform } from './training-transform.js'

/** What a session works with. */
export interface SessionOptions {
  readonly model: TrainableModel
  readonly backend: Backend
  readonly weights: WeightSet
  readonly loss: LossFunction
  /** Rewrite the program that accumulates gradients, in order. */
  readonly transforms?: readonly TrainingTransform[]
  /** What evaluations read back besides the loss. */
  readonly predict?: EvaluationMetrics['predict']
  readonly optimizer: Optimizer
  readonly clips: boolean
  /** Whether a hook reads gradients after `apply`, as models do that follow steps. Default false. */
  readonly keepsGradients?: boolean
  /** Decoupled decay of a slot. */
  weightDecay(slot: string): number
  /** Whether a slot is a whole embedding table. Default: none is. */
  isEmbedding?(slot: string): boolean
  /** Stops compilations. */
  readonly signal?: AbortSignal
}

/** What an optimizer step is told. */
export interface ApplyFeeds {
  readonly step: number
  readonly count: number
  readonly learningRate: number
  readonly maxGradNorm: number
}

/** Parameters, gradients and optimizer states on a backend. */
export class TrainingSession {
  /** What hooks keep from step to step, by name. */
  readonly memory = new Map<string, HostTensor>()
  private readonly programs = new Map<string, Promise<Executable>>()
  private readonly feedsOf = new WeakMap<Executable, ReadonlyMap<string, Spec>>()

  private readonly groups: readonly ParameterGroup[]
  private optimizerState: Promise<StateSet> | undefined

  private constructor(
    private readonly options: SessionOptions,
    private readonly parameters: StateSet,
    private readonly fixed: StateSet,
  ) {
    this.groups = parameterGroups(parameters.specs, options)
  }

  /** Uploads the model's present values. */
  static async open(options: SessionOptions): Promise<TrainingSession> {
    const { backend, model } = options
    const parameters = await backend.createState(await model.trainable())
    try {
      return new TrainingSession(options, parameters, await backend.createState(model.fixed()))
    } catch (error) {
      parameters.release()
      throw error
    }
  }

  private get keepsGradients(): boolean {
    return this.options.keepsGradients === true || this.options.model.afterStep !== undefined
  }

  /** Number of trained values. */
  get trainedCount(): number {
    return [...this.parameters.specs.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  }

  /** Adds a micro-batch's gradients; the sum of its losses. */
  async accumulate(batch: MicroBatch, seed: number): Promise<number> {
    const { model, loss, transforms = [] } = this.options
    const feeds: Feeds = { ...batch.feeds, seed: hostTensor('u32', [], [seed]) }
    const state = this.optimizer()
    state.catch(() => {}) // awaited below
    const compiled = this.compiled(`accumulate ${specsKey(Object.entries(feeds))}`, () =>
      accumulateProgram({ model: model.model, loss, transforms }, this.groups, feeds),
    )
    this.compiledApply().catch(() => {}) // built while the backend prepares the other; who applies it hears of a failure
    return this.lossSum(await compiled, feeds, [...this.values(), { set: await state }])
  }

  /** The sum of a batch's losses, and its predictions where they are wanted, without dropout and gradients. */
  async evaluate({ feeds }: MicroBatch): Promise<{ readonly lossSum: number; readonly predictions?: HostTensor }> {
    const { model, loss, predict } = this.options
    const program = await this.compiled(`evaluate ${specsKey(Object.entries(feeds))}`, () =>
      evaluateProgram(model.model, loss, feeds, predict),
    )
    const { loss_sum: sum, predictions } = await program.run({
      feeds: this.readFeeds(program, feeds),
      state: this.values(),
    })
    return { lossSum: sum?.data[0] as number, ...(predictions === undefined ? {} : { predictions }) }
  }

  /** Adds the model's penalty to a step of so many counted items, and its gradients to the sums; its value, 0 where there is none. */
  async addPenalty(count: number): Promise<number> {
    const { model } = this.options
    const penalty = model.penalty?.()
    if (penalty === undefined) return 0
    const program = await this.compiled('penalty', () => penaltyProgram(model.model, penalty, this.groups))
    const { penalty: value } = await program.run({
      feeds: { count: hostTensor('f32', [], [count]) },
      state: [...this.values(), { set: await this.optimizer() }],
    })
    return value?.data[0] as number
  }

  /** One optimizer step over the gathered gradients; their norm. Throws training.diverged, naming parameters, when they are not finite; then nothing changed. */
  async apply({ step, count, learningRate, maxGradNorm }: ApplyFeeds): Promise<number> {
    const { options: settings } = this
    const program = await this.compiledApply()
    const values = {
      count,
      learning_rate: learningRate,
      ...(settings.clips ? { max_grad_norm: maxGradNorm } : {}),
      ...settings.optimizer.scalars(step),
    }
    const feeds = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, hostTensor('f32', [], [value])]),
    )
    const { grad_norm: norm, finite } = await program.run({
      feeds: this.readFeeds(program, feeds),
      state: [...this.values(), { set: await this.optimizer() }],
    })
    if (finite?.data[0] !== 1) await this.diverged(step)
    return norm?.data[0] as number
  }

  /** Puts the present values into the model. Throws training.diverged, naming parameters, when values are too large to compute with; the model then keeps what it has. */
  async commit(): Promise<Map<string, HostTensor>> {
    const values = await this.parameters.read()
    requireUsable(values)
    this.options.model.commit(values)
    return values
  }

  /** Values of what trains, by slot; all when none are named. Throws graph.slot for an unknown one. */
  read(slots?: readonly string[]): Promise<ReadonlyMap<string, HostTensor>> {
    return this.parameters.read(slots)
  }

  /** Sets values, by slot: the best ones, a checkpoint's, a hook's. */
  async write(values: ReadonlyMap<string, HostTensor>): Promise<void> {
    await this.parameters.write(values)
  }

  /** All that steps change, by `stateKey`: what trains, the optimizer's states of each parameter once it has any, and what hooks keep. */
  async state(): Promise<Map<string, HostTensor>> {
    const { groups, memory } = this
    const { optimizer } = this.options
    const named = (kind: string, values: Iterable<readonly [string, HostTensor]>) =>
      [...values].map(([name, value]) => [stateKey(kind, name), value] as const)
    const states = await (await this.optimizerState)?.read(stateSlots(groups, optimizer))
    return new Map([
      ...named(stateKinds.parameter, await this.read()),
      ...(states === undefined ? [] : splitStates(groups, optimizer, states)),
      ...named(stateKinds.memory, memory),
    ])
  }

  /** Goes on from what `state` gave. Throws checkpoint.unfit for tensors of another model or optimizer; then nothing changed. */
  async restore(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    const { groups, memory, parameters } = this
    const { optimizer } = this.options
    const valuesAs = (kind: string) =>
      [...parameters.specs].map(([slot, spec]) => [stateKey(kind, slot), spec] as const)
    const ofStates = stateSpecs(groups, optimizer)
    const hasStates = [...ofStates.keys()].some((key) => tensors.has(key))
    const hasBest = tensorsOf(tensors, stateKinds.best).size > 0
    requireFit(
      tensors,
      new Map([
        ...valuesAs(stateKinds.parameter),
        ...(hasBest ? valuesAs(stateKinds.best) : []),
        ...(hasStates ? ofStates : []),
      ]),
    )
    await this.write(tensorsOf(tensors, stateKinds.parameter))
    if (hasStates) await (await this.optimizer()).write(joinStates(groups, optimizer, tensors))
    memory.clear()
    for (const [name, value] of tensorsOf(tensors, stateKinds.memory)) memory.set(name, value)
  }

  /**
   * Gradients by slot, all when none are named: before `apply` the sums over what the step counts, after it, where they are kept, what the
   * optimizer saw.
   */
  async gradients(
    slots: readonly string[] = [...this.parameters.specs.keys()],
  ): Promise<ReadonlyMap<string, HostTensor>> {
    const wanted = new Set(slots)
    const groups = this.groups.filter(({ members }) => members.some(({ slot }) => wanted.has(slot)))
    const read = await (await this.optimizer()).read(groups.map(gradientSlot))
    const found = new Map(groups.flatMap((group) => partsOfValues(group, read.get(gradientSlot(group)) as HostTensor)))
    return new Map(slots.map((slot) => [slot, found.get(slot) as HostTensor]))
  }

  /** Lets the model follow the step that `apply` made, and forgets kept gradients once `then` is done with them too. */
  async afterStep(step: number, then: () => Promise<void> = async () => {}): Promise<void> {
    if (!this.keepsGradients) return
    await this.options.model.afterStep?.({
      step,
      memory: this.memory,
      read: (slots) => this.read(slots),
      gradients: (slots) => this.gradients(slots),
      write: (values) => this.write(values),
    })
    await then()
    await (await this.optimizer()).write(zeroGradients(this.groups))
  }

  /** Throws training.diverged, naming the parameters whose gradients are not finite, and the loss when it is not; of a first step, the frozen weights that are not. */
  async diverged(step: number, loss?: number): Promise<never> {
    if (step === 1) await requireFiniteWeights(this.options.model.model)
    const parameters = [...(await this.gradients())]
      .filter(([, { data }]) => (data as Float32Array).some((value) => !Number.isFinite(value)))
      .map(([slot]) => slot.replace(/^adapter\d+:/, ''))
    throw new EspalierError('training.diverged', {
      what:
        loss === undefined ? 'the gradients, or their norm, are not finite numbers' : 'the loss is not a finite number',
      got: { step, ...(loss === undefined ? {} : { loss: String(loss) }), parameters },
      fix: 'Lower the learning rate, or look for broken rows near this step',
    })
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    for (const program of this.programs.values()) (await program.catch(() => undefined))?.release()
    this.parameters.release()
    this.fixed.release()
    ;(await this.optimizerState?.catch(() => undefined))?.release()
  }

  private compiledApply(): Promise<Executable> {
    const settings: ApplySettings = { ...this.options, keepsGradients: this.keepsGradients }
    return this.compiled('apply', () => applyProgram(this.groups, settings))
  }

  private compiled(key: string, build: () => Parameters<Backend['compile']>[0]): Promise<Executable> {
    const known = this.programs.get(key)
    if (known !== undefined) return known
    const { backend, weights, signal } = this.options
    const made = backend.compile(build(), { weights, ...(signal === undefined ? {} : { signal }) })
    made.catch(() => this.programs.delete(key))
    this.programs.set(key, made)
    return made
  }

  private async lossSum(program: Executable, feeds: Feeds, state: readonly StateBinding[]): Promise<number> {
    const { loss_sum: sum } = await program.run({ feeds: this.readFeeds(program, feeds), state })
    return sum?.data[0] as number
  }

  // A program has no slots for what it does not read: the seed of a model without dropout, the step of an optimizer without momentum.
  private readFeeds(program: Executable, feeds: Feeds): Feeds {
    const slots = this.feedsOf.get(program) ?? programSlots(program.program).feed
    this.feedsOf.set(program, slots)
    return Object.fromEntries(Object.entries(feeds).filter(([name]) => slots.has(name)))
  }

  private values(): StateBinding[] {
    return [{ set: this.parameters }, { set: this.fixed }]
  }

  // Made at the first gradient: an evaluation needs none of it.
  private optimizer(): Promise<StateSet> {
    const { backend, optimizer } = this.options
    this.optimizerState ??= backend.createState(initialOptimizerState(this.groups, optimizer), { handsOver: true })
    return this.optimizerState
  }
}

/** A seed for each micro-batch of a run. */
export function microBatchSeed(seed: number, step: number, index: number): number {
  return mix32((mix32((seed ^ Math.imul(step, 0x9e3779b9)) >>> 0) + index) >>> 0)
}

const LARGEST = 2 ** 63 // the square of a larger value, as norms take it, overflows float32

// A leap as by a rate of 1e30 may leave loss and gradients finite: norms of what overflowed are 0.
function requireUsable(values: ReadonlyMap<string, HostTensor>): void {
  const parameters = [...values]
    .filter(([, { data }]) => (data as Float32Array).some((value) => !(Math.abs(value) <= LARGEST)))
    .map(([slot]) => slot.replace(/^adapter\d+:/, ''))
  if (parameters.length === 0) return
  throw new EspalierError('training.diverged', {
    what: 'trained values overflowed: they are too large to compute with',
    got: { parameters },
    fix: 'Lower the learning rate',
  })
}
