/** The backend: weights, state and compiled programs as tensors of an injected tfjs. */
import {
  type Backend,
  CompiledPrograms,
  type CompileOptions,
  checkWeights,
  closedError,
  type DType,
  EspalierError,
  type Executable,
  type HostTensor,
  hostTensorFromBytes,
  LoadedWeights,
  type MemoryEstimates,
  ownSet,
  type Program,
  type ProgressOptions,
  programSlots,
  type StateSet,
  Turns,
  type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import { heldBytes, takeIn, upload } from './host-values.js'
import { loweredBytes } from './plan/lowered-graph.js'
import { planProgram } from './plan/plan-program.js'
import type { TfNamespace } from './tf-namespace.js'
import { TfProgram } from './tf-program.js'
import { TfState } from './tf-state.js'
import { type SharedWeight, TfWeights } from './tf-weights.js'

/** Runs programs on a tfjs namespace. */
export class TfBackend implements Backend {
  readonly apiVersion = 1
  readonly name = 'tfjs'
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'i32', 'u32', 'bool'])
  readonly widening = 'tfjs has no 16-bit floats'
  readonly memory: MemoryEstimates = {
    bytesOf: heldBytes,
    peakOf: (program) => loweredBytes(this.tf, program),
    keptFor: (peaks) => Math.max(0, ...peaks), // nothing stays between runs
  }
  readonly turns = new Turns()
  private readonly programs = new CompiledPrograms<TfWeights, TfProgram>(() => this.check())
  private readonly weights = new LoadedWeights<SharedWeight>({
    load: (_, request) => loadWeight(this.tf, request),
    release: ({ tensor }) => tensor.dispose(),
  })
  private readonly states = new Set<TfState>()
  private closing: Promise<void> | undefined

  constructor(readonly tf: TfNamespace) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    options.signal?.throwIfAborted()
    await this.ready()
    const { weights, release } = await this.weights.take(sources, options, () => this.check())
    const set: TfWeights = new TfWeights(weights, () => {
      this.programs.end(set)
      this.turns.whenFree(release)
    })
    return set
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    await this.ready()
    this.check()
    const state = new TfState(this, tensors)
    this.states.add(state)
    return state
  }

  /** Notes that a state set is gone. */
  forgetState(state: TfState): void {
    this.states.delete(state)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    options.signal?.throwIfAborted()
    const weights = options.weights && ownSet(options.weights, TfWeights)
    checkWeights(programSlots(program), program.name, (slot) => weights?.specOf(slot))
    return this.programs.compile({ program, weights, signal: options.signal }, async () => {
      await this.ready()
      return new TfProgram(program, await planProgram(this.tf, program), weights, this)
    })
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    await this.turns.take(async () => {}) // what was asked for before
    await this.programs.clear()
    for (const state of this.states) state.dispose()
    this.states.clear()
    await this.weights.clear()
  }

  private async ready(): Promise<void> {
    try {
      await this.tf.ready()
    } catch (cause) {
      throw new EspalierError('backend.missing', {
        what: 'this tfjs has no backend that starts',
        got: { message: cause instanceof Error ? cause.message : String(cause) },
        fix: 'Import one before it is used, as @tensorflow/tfjs-backend-cpu, or choose another with tf.setBackend.',
        cause,
      })
    }
  }

  /** Throws backend.closed after `close`. */
  check(): void {
    if (this.closing !== undefined) throw closedError(this.name)
  }
}

async function loadWeight(tf: TfNamespace, { source, dtype }: WeightRequest): Promise<SharedWeight> {
  const tensor = hostTensorFromBytes(source.dtype, source.shape, await source.read())
  const own = upload(tf, tensor, { dtype, copied: false })
  takeIn(tf, own)
  return { tensor: own, spec: { dtype, shape: source.shape } }
}
