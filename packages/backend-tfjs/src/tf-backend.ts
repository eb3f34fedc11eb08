/** The backend: weights, state and compiled programs as tensors of an injected tfjs. */
import {
  type Backend,
  byteSize,
  type CompileOptions,
  checkWeights,
  type DType,
  EspalierError,
  type Executable,
  type HostTensor,
  hostTensorFromBytes,
  type MemoryEstimates,
  type ParameterSource,
  type Program,
  ProgramMap,
  type ProgressOptions,
  programSlots,
  type Spec,
  type StateSet,
  sizeOf,
  Turns,
  type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import { heldBytes, upload } from './host-values.js'
import { loweredBytes } from './plan/lowered-graph.js'
import { planProgram } from './plan/plan-program.js'
import { TfExecutable } from './tf-executable.js'
import type { TfNamespace } from './tf-namespace.js'
import { TfState } from './tf-state.js'
import { type SharedWeight, TfWeights } from './tf-weights.js'

interface Loaded {
  readonly weight: Promise<SharedWeight>
  users: number
}

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
  private readonly loaded = new Map<ParameterSource, Map<DType, Loaded>>()
  private readonly states = new Set<TfState>()
  private readonly compiled = new Map<TfWeights | undefined, ProgramMap<Promise<TfExecutable>>>()
  private closing: Promise<void> | undefined

  constructor(readonly tf: TfNamespace) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    const { signal, onProgress } = options
    await this.ready()
    const total = [...sources.values()].reduce((sum, { source }) => sum + bytesOf(source), 0)
    const taken: WeightRequest[] = []
    const weights = new Map<string, SharedWeight>()
    let done = 0
    try {
      // One after the other: a file's bytes and their f32 copy are in memory together.
      for (const [name, request] of sources) {
        signal?.throwIfAborted()
        this.check()
        const loading = this.load(request)
        taken.push(request)
        weights.set(name, await loading)
        done += bytesOf(request.source)
        onProgress?.(done, total, name)
      }
    } catch (error) {
      for (const request of taken) await this.drop(request)
      throw error
    }
    const set = new TfWeights(weights, () => {
      const programs = [...(this.compiled.get(set)?.values() ?? [])]
      this.compiled.delete(set)
      this.turns.whenFree(() => {
        for (const program of programs)
          program.then(
            (executable) => executable.dispose(),
            () => {}, // whoever compiles it is told
          )
        for (const request of taken) void this.drop(request)
      })
    })
    return set
  }

  private load(request: WeightRequest): Promise<SharedWeight> {
    const { source, dtype } = request
    const known = this.loaded.get(source) ?? new Map<DType, Loaded>()
    this.loaded.set(source, known)
    const before = known.get(dtype)
    if (before !== undefined) {
      before.users++
      return before.weight
    }
    const weight = source.read().then((bytes): SharedWeight => {
      const tensor = hostTensorFromBytes(source.dtype, source.shape, bytes)
      return { tensor: upload(this.tf, tensor, { dtype, copied: false }), source, spec: { dtype, shape: source.shape } }
    })
    known.set(dtype, { weight, users: 1 })
    return weight
  }

  private async drop({ source, dtype }: WeightRequest): Promise<void> {
    const known = this.loaded.get(source)
    const entry = known?.get(dtype)
    if (known === undefined || entry === undefined || --entry.users > 0) return
    known.delete(dtype)
    if (known.size === 0) this.loaded.delete(source)
    await entry.weight.then(
      ({ tensor }) => tensor.dispose(),
      () => {}, // nothing was loaded, and the loader has seen the error
    )
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
    const weights = ownWeights(options.weights)
    checkWeights(programSlots(program), program.name, (slot) => weights?.specOf(slot))
    const known = this.compiled.get(weights) ?? new ProgramMap<Promise<TfExecutable>>()
    this.compiled.set(weights, known)
    const before = known.get(program)
    if (before !== undefined) {
      const shared = await before
      return shared.isReleased ? this.compile(program, options) : shared.hold()
    }
    const forget = () => {
      known.delete(program)
      if (known.isEmpty) this.compiled.delete(weights)
    }
    const fresh = this.ready()
      .then(() => planProgram(this.tf, program))
      .then((plan) => new TfExecutable(program, plan, weights, this, forget))
    known.set(program, fresh)
    fresh.catch(forget)
    return fresh
  }

  close(): Promise<void> {
    this.closing ??= this.turns.take(async () => {
      for (const state of this.states) state.dispose()
      this.states.clear()
      const executables = [...this.compiled.values()].flatMap((known) => [...known.values()])
      for (const one of await Promise.allSettled(executables)) if (one.status === 'fulfilled') one.value.dispose()
      const weights = [...this.loaded.values()].flatMap((known) => [...known.values()])
      for (const one of await Promise.allSettled(weights.map(({ weight }) => weight)))
        if (one.status === 'fulfilled') one.value.tensor.dispose()
      this.compiled.clear()
      this.loaded.clear()
    })
    return this.closing
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
    if (this.closing !== undefined)
      throw new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend: this.name } })
  }
}

function bytesOf({ dtype, shape }: Spec): number {
  return sizeOf(shape) * byteSize(dtype)
}

function ownWeights(weights: WeightSet | undefined): TfWeights | undefined {
  if (weights === undefined || weights instanceof TfWeights) return weights
  throw new EspalierError('graph.slot', { what: 'a weight set belongs to another backend' })
}
