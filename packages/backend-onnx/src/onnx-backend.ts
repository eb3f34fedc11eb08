/** The backend: weights, state and compiled programs over a transport to ONNX Runtime. It knows neither threads nor files. */
import {
  type Backend, bindState, type BoundState, checkFeeds, type CompileOptions, type DType, EspalierError, type Executable, hostArray, type HostTensor,
  type ParameterSource, type Program, programKey, programSlots, type ProgressOptions, type RunArguments, sizeOf, type Spec, type StateSet, type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import { emitProgram, type WeightPlace } from './emit/emit-program.js'
import { runtimeError } from './runtime-error.js'
import { Sessions, type SessionSettings, type SessionSource } from './sessions.js'
import { heldBytes, type HoldWeight, type Transport, type WeightStore } from './transport.js'
import { fromWire, toOwnWire, toWire } from './wire.js'

/** What a backend is put together from. */
export interface OnnxBackendParts {
  readonly name: string
  readonly transport: Transport
  readonly store: WeightStore
  readonly sessions: SessionSettings
}

/** Puts a backend together. */
export function onnxBackend(parts: OnnxBackendParts): Backend {
  return new OnnxBackend(parts)
}

class OnnxBackend implements Backend {
  readonly apiVersion = 1
  readonly name: string
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f16', 'i32', 'u32', 'bool'])
  readonly transport: Transport
  readonly sessions: Sessions
  private readonly placed = new WeakMap<ParameterSource, Map<DType, Promise<WeightPlace>>>()
  private readonly compiled = new Map<OnnxWeights | undefined, Map<string, OnnxExecutable>>()
  /** Sets that hold each buffer. */
  private readonly uses = new Map<number, number>()
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
    const weights = new OnnxWeights(placed, () => this.forgetWeights(weights))
    return weights
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    const state = this.count++
    const held = [...tensors].filter(([, tensor]) => tensor.data.length > 0)
    await this.transport.request({ type: 'createState', state, tensors: held.map(([name, tensor]) => ({ name, ...toOwnWire(tensor) })) })
    return new OnnxState(state, new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])), this.transport)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    options.signal?.throwIfAborted()
    const weights = options.weights as OnnxWeights | undefined
    const known = this.compiled.get(weights) ?? new Map<string, OnnxExecutable>()
    this.compiled.set(weights, known)
    const key = programKey(program)
    const found = known.get(key)
    if (found !== undefined) return found
    const executable = new OnnxExecutable(program, { id: this.count++, ...this.emit(program, weights) }, this, () => known.delete(key))
    if (executable.computes) await this.sessions.use(executable.source)
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
    if (this.closing !== undefined) throw new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend: this.name } })
  }

  private emit(program: Program, weights: OnnxWeights | undefined) {
    const mounts: { location: string; id: number }[] = []
    const emitted = emitProgram(program, (slot, spec) => {
      const found = weights?.weights.get(slot)
      if (found === undefined) throw new EspalierError('graph.slot', { what: 'a weight of the program was not loaded', got: { program: program.name, slot } })
      const { place } = found
      if (text(found.spec) !== text(spec)) {
        throw new EspalierError('graph.slot', { what: 'a weight has another dtype or shape than the program reads', got: { program: program.name, slot, got: text(found.spec), want: text(spec) } })
      }
      if (place.kind === 'file' && place.mounted !== undefined) mounts.push({ location: place.location, id: place.mounted })
      return place
    })
    return { ...emitted, ...(mounts.length > 0 ? { mounts } : {}) }
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
    await this.transport.request({ type: 'addWeight', id, tensor })
    return { kind: 'buffer', id }
  }
}

interface PlacedWeight {
  readonly place: WeightPlace
  readonly source: ParameterSource
  readonly spec: Spec
}

class OnnxWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  readonly byteLength: number
  private released = false

  constructor(
    readonly weights: ReadonlyMap<string, PlacedWeight>,
    private readonly forget: () => void,
  ) {
    this.names = new Set(weights.keys())
    this.byteLength = [...weights.values()].reduce((sum, { spec }) => sum + heldBytes(spec), 0)
  }

  release(): void {
    if (!this.released) this.forget()
    this.released = true
  }
}

class OnnxState implements StateSet {
  readonly byteLength: number
  private released = false

  constructor(
    readonly id: number,
    readonly specs: ReadonlyMap<string, Spec>,
    private readonly transport: Transport,
  ) {
    this.byteLength = [...specs.values()].reduce((sum, spec) => sum + heldBytes(spec), 0)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    const filled = names.filter((name) => sizeOf(this.specOf(name).shape) > 0)
    const data = await this.transport.request({ type: 'readState', state: this.id, names: filled })
    const read = new Map(filled.map((name, i) => [name, data[i] as HostTensor['data']]))
    return new Map(names.map((name) => [name, fromWire(this.specOf(name), read.get(name) ?? hostArray(this.specOf(name).dtype, 0))]))
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    for (const [name, tensor] of tensors) {
      const spec = this.specOf(name)
      if (text(spec) !== text(tensor)) {
        throw new EspalierError('graph.slot', { what: 'a state tensor was written with another dtype or shape', got: { name, got: text(tensor), want: text(spec) } })
      }
    }
    const filled = [...tensors].filter(([, tensor]) => tensor.data.length > 0)
    await this.transport.request({ type: 'writeState', state: this.id, tensors: filled.map(([name, tensor]) => ({ name, ...toOwnWire(tensor) })) })
  }

  release(): void {
    if (this.released) return
    this.released = true
    this.transport.request({ type: 'dropState', state: this.id }).catch(() => {}) // a closed backend has dropped it already
  }

  /** Throws backend.closed after `release`. */
  check(): void {
    if (this.released) throw new EspalierError('backend.closed', { what: 'a released state set was used', got: { names: [...this.specs.keys()] } })
  }

  private specOf(name: string): Spec {
    this.check()
    const spec = this.specs.get(name)
    if (spec === undefined) throw new EspalierError('graph.slot', { what: 'the state has no such tensor', got: { name, names: [...this.specs.keys()] } })
    return spec
  }
}

class OnnxExecutable implements Executable {
  private readonly slots
  private readonly specs: ReadonlyMap<string, Spec>
  private released = false

  constructor(
    readonly program: Program,
    readonly source: SessionSource,
    private readonly backend: OnnxBackend,
    private readonly forget: () => void,
  ) {
    this.slots = programSlots(program)
    this.specs = new Map(Object.entries(program.outputs))
  }

  /** False when no result has elements: there is nothing for the runtime to do. */
  get computes(): boolean {
    return this.source.plan.outputs.length + this.source.plan.updates.length > 0
  }

  get byteLength(): number {
    return this.source.plan.peakBytes + this.source.model.byteLength
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    this.backend.check()
    const { name } = this.program
    if (this.released) throw new EspalierError('backend.closed', { what: 'a released program was run', got: { program: name } })
    const fed = checkFeeds(this.slots, name, feeds)
    const bound = bindState(this.slots, name, state)
    if (!this.computes) return this.results({})
    return this.backend.finish(this.compute(fed, bound))
  }

  private async compute(fed: ReadonlyMap<string, HostTensor>, bound: ReadonlyMap<string, BoundState>): Promise<Record<string, HostTensor>> {
    await this.backend.sessions.use(this.source)
    try {
      const data = await this.backend.transport.request({
        type: 'run',
        session: this.source.id,
        feeds: Object.fromEntries([...fed].map(([slot, tensor]) => [slot, toWire(tensor).data])),
        bindings: Object.fromEntries([...bound].map(([slot, at]) => [slot, locate(at)])),
      })
      return this.results(data)
    } catch (cause) {
      throw runtimeError(cause, 'run', this.program.name)
    }
  }

  private results(data: Readonly<Record<string, HostTensor['data']>>): Record<string, HostTensor> {
    return Object.fromEntries([...this.specs].map(([slot, spec]) => [slot, fromWire(spec, data[slot] ?? hostArray(spec.dtype, 0))]))
  }

  release(): void {
    this.released = true
    this.forget()
    this.backend.sessions.release(this.source.id)
  }
}

function locate({ set, name }: BoundState): { state: number; name: string } {
  if (set instanceof OnnxState) {
    set.check()
    return { state: set.id, name }
  }
  throw new EspalierError('graph.slot', { what: 'a state set belongs to another backend', got: { name } })
}

// The host's copy of a weight, when it has one.
function heldId(place: WeightPlace): number | undefined {
  return place.kind === 'buffer' ? place.id : place.mounted
}

function text({ dtype, shape }: Spec): string {
  return `${dtype}[${shape.join(',')}]`
}
