/** The backend: weights, state and compiled programs over a transport to ONNX Runtime. It knows neither threads nor files. */
import {
  type Backend,
  type CompileOptions,
  type DType,
  EspalierError,
  type Executable,
  type HostTensor,
  type ParameterSource,
  type Program,
  type ProgressOptions,
  programKey,
  type StateSet,
  type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import { emitProgram, type WeightPlace } from './emit/emit-program.js'
import { type ExecutableOwner, OnnxExecutable } from './onnx-executable.js'
import { OnnxState } from './onnx-state.js'
import { heldId, OnnxWeights, type PlacedWeight } from './onnx-weights.js'
import { planPacked } from './packed/plan-packed.js'
import { idleRunner, packedRunner, type Runner, sessionRunner } from './runner.js'
import { type SessionSettings, Sessions } from './sessions.js'
import type { HoldWeight, Transport, WeightStore } from './transport.js'
import { specText, toOwnWire } from './wire.js'

/** What a backend is put together from. */
export interface OnnxBackendParts {
  readonly name: string
  readonly transport: Transport
  readonly store: WeightStore
  readonly sessions: SessionSettings
  /** Threads for packed programs, where there may be some. */
  readonly packedThreads?: number
}

/** Puts a backend together. */
export function onnxBackend(parts: OnnxBackendParts): Backend {
  return new OnnxBackend(parts)
}

class OnnxBackend implements Backend, ExecutableOwner {
  readonly apiVersion = 1
  readonly name: string
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f16', 'i32', 'u32', 'bool'])
  readonly transport: Transport
  readonly sessions: Sessions
  private readonly placed = new WeakMap<ParameterSource, Map<DType, Promise<WeightPlace>>>()
  private readonly compiled = new Map<OnnxWeights | undefined, Map<string, OnnxExecutable>>()
  /** Sets that hold each buffer. */
  private readonly uses = new Map<number, number>()
  /** Buffers that the host is still reading from files. */
  private readonly arrivals = new Map<number, Promise<unknown>>()
  private readonly underWay = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined
  private count = 0

  constructor(private readonly parts: OnnxBackendParts) {
    this.name = parts.name
    this.transport = parts.transport
    this.sessions = new Sessions(parts.transport, parts.sessions)
  }

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    options.signal?.throwIfAborted()
    const fresh = [...sources.values()].filter(({ source, dtype }) => !this.placed.get(source)?.has(dtype))
    const places = this.parts.store.place(fresh, this.hold, options)
    fresh.forEach(({ source, dtype }, i) => {
      const known = this.placed.get(source) ?? new Map<DType, Promise<WeightPlace>>()
      const own = places.then((all) => all[i] as WeightPlace)
      own.catch(() => {}) // `places` is awaited below
      known.set(dtype, own)
      this.placed.set(source, known)
    })
    try {
      await places
    } catch (error) {
      for (const { source, dtype } of fresh) this.placed.get(source)?.delete(dtype)
      throw error
    }
    const placed = new Map<string, PlacedWeight>()
    for (const [name, { source, dtype }] of sources) {
      const place = (await this.placed.get(source)?.get(dtype)) as WeightPlace
      placed.set(name, { place, source, spec: { dtype, shape: source.shape } })
      const held = heldId(place)
      if (held !== undefined) this.uses.set(held, (this.uses.get(held) ?? 0) + 1)
    }
    const arrived = Promise.all([...placed.values()].map((weight) => this.arrival(weight)))
    const weights = new OnnxWeights(placed, arrived, () => this.forgetWeights(weights))
    return weights
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    const state = this.count++
    const held = [...tensors].filter(([, tensor]) => tensor.data.length > 0)
    await this.transport.request({
      type: 'createState',
      state,
      tensors: held.map(([name, tensor]) => ({ name, ...toOwnWire(tensor) })),
    })
    return new OnnxState(
      state,
      new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
      this.transport,
    )
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    options.signal?.throwIfAborted()
    const weights = options.weights as OnnxWeights | undefined
    const known = this.compiled.get(weights) ?? new Map<string, OnnxExecutable>()
    this.compiled.set(weights, known)
    const key = programKey(program)
    const found = known.get(key)
    if (found !== undefined) return found.hold()
    const runner = (await this.packed(program, weights)) ?? (await this.session(program, weights))
    try {
      await weights?.arrived
    } catch (error) {
      runner.release()
      throw error
    }
    const executable = new OnnxExecutable(program, runner, this, () => known.delete(key))
    known.set(key, executable)
    return executable
  }

  close(): Promise<void> {
    this.closing ??= Promise.allSettled([...this.underWay]).then(() => this.transport.close())
    return this.closing
  }

  /** Notes work that `close` waits for. */
  async finish<T>(work: Promise<T>): Promise<T> {
    this.underWay.add(work)
    try {
      return await work
    } finally {
      this.underWay.delete(work)
    }
  }

  /** Throws backend.closed after `close`. */
  check(): void {
    if (this.closing !== undefined)
      throw new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend: this.name } })
  }

  private async packed(program: Program, weights: OnnxWeights | undefined): Promise<Runner | undefined> {
    const { packedThreads } = this.parts
    if (packedThreads === undefined) return undefined
    const plan = planPacked(program, (slot) => {
      const place = weights?.weights.get(slot)?.place
      return place === undefined ? undefined : heldId(place)
    })
    if (plan === undefined) return undefined
    await weights?.arrived // it is made from their values
    return packedRunner(this.count++, plan, packedThreads, this.transport)
  }

  private session(program: Program, weights: OnnxWeights | undefined): Promise<Runner> | Runner {
    const source = { id: this.count++, ...this.emit(program, weights) }
    const { outputs, updates } = source.plan
    return outputs.length + updates.length === 0 ? idleRunner : sessionRunner(source, this.sessions, this.transport)
  }

  private emit(program: Program, weights: OnnxWeights | undefined) {
    const mounts: { location: string; id: number }[] = []
    const emitted = emitProgram(program, (slot, spec) => {
      const found = weights?.weights.get(slot)
      if (found === undefined)
        throw new EspalierError('graph.slot', {
          what: 'a weight of the program was not loaded',
          got: { program: program.name, slot },
        })
      const { place } = found
      if (specText(found.spec) !== specText(spec)) {
        throw new EspalierError('graph.slot', {
          what: 'a weight has another dtype or shape than the program reads',
          got: { program: program.name, slot, got: specText(found.spec), want: specText(spec) },
        })
      }
      if (place.kind === 'file' && place.mounted !== undefined)
        mounts.push({ location: place.location, id: place.mounted })
      return place
    })
    return { ...emitted, ...(mounts.length > 0 ? { mounts } : {}) }
  }

  // A weight that could not be read is read again by the next set.
  private async arrival({ place, source, spec }: PlacedWeight): Promise<void> {
    const id = heldId(place)
    try {
      if (id !== undefined) await this.arrivals.get(id)
    } catch (error) {
      this.placed.get(source)?.delete(spec.dtype)
      throw error
    }
  }

  // Buffers go with the last set that has them; files are only mapped by sessions.
  private forgetWeights(weights: OnnxWeights): void {
    this.compiled.delete(weights)
    for (const { place, source, spec } of weights.weights.values()) {
      const id = heldId(place)
      if (id === undefined) continue
      const left = (this.uses.get(id) ?? 1) - 1
      this.uses.set(id, left)
      if (left > 0) continue
      this.uses.delete(id)
      this.placed.get(source)?.delete(spec.dtype)
      this.transport.request({ type: 'dropWeight', id }).catch(() => {}) // a closed backend has dropped it already
    }
  }

  private readonly hold: HoldWeight = async (tensor) => {
    const id = this.count++
    const held = this.transport.request({ type: 'addWeight', id, tensor })
    if ('file' in tensor) {
      // Reading goes on while the caller builds a program.
      this.arrivals.set(id, held)
      held.then(
        () => this.arrivals.delete(id),
        () => {}, // told to those who compile with it
      )
    } else await held
    return { kind: 'buffer', id }
  }
}
