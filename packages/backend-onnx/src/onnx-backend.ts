/** The backend: weights, state and compiled programs over a transport to ONNX Runtime. It knows neither threads nor files. */
import {
  type Backend,
  CompiledPrograms,
  type CompileOptions,
  checkWeights,
  closedError,
  type DType,
  type Executable,
  type HostTensor,
  type MemoryEstimates,
  ownSet,
  type Program,
  type ProgressOptions,
  programSlots,
  type StateOptions,
  type StateSet,
  type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import { bufferedProgram, emitProgram } from './emit/emit-program.js'
import { OnnxProgram, type ProgramOwner } from './onnx-program.js'
import { OnnxState } from './onnx-state.js'
import { heldId, OnnxWeights, type PlacedWeight } from './onnx-weights.js'
import { planPacked } from './packed/plan-packed.js'
import { Placements } from './placements.js'
import { idleRunner, packedRunner, type Runner, sessionRunner } from './runner.js'
import { type SessionSettings, Sessions, sessionsMemory } from './sessions.js'
import { heldBytes, type Transport, type WeightStore } from './transport.js'
import { toOwnWire, toWire } from './wire.js'

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

class OnnxBackend implements Backend, ProgramOwner {
  readonly apiVersion = 1
  readonly name: string
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f16', 'i32', 'u32', 'bool'])
  readonly transport: Transport
  readonly sessions: Sessions
  readonly memory?: MemoryEstimates
  private readonly placements: Placements
  private readonly programs = new CompiledPrograms<OnnxWeights, OnnxProgram>(() => this.check())
  private readonly underWay = new Set<Promise<unknown>>()
  private closing: Promise<void> | undefined
  private count = 0

  constructor(private readonly parts: OnnxBackendParts) {
    this.name = parts.name
    this.transport = parts.transport
    this.sessions = new Sessions(parts.transport, parts.sessions)
    const { arenaBytes, cost } = parts.sessions
    if (cost !== undefined)
      this.memory = {
        bytesOf: heldBytes,
        peakOf: (program) => bufferedProgram(program, () => 0).plan.peakBytes,
        keptFor: (peaks) => sessionsMemory(peaks, arenaBytes, cost),
      }
    this.placements = new Placements(parts.store, parts.transport, () => this.count++)
  }

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    options.signal?.throwIfAborted()
    const { weights: placed, arrive, release } = await this.placements.take(sources, options)
    const weights: OnnxWeights = new OnnxWeights(placed, arrive, () => {
      this.programs.end(weights)
      release()
    })
    return weights
  }

  async createState(
    tensors: ReadonlyMap<string, HostTensor>,
    { handsOver = false }: StateOptions = {},
  ): Promise<StateSet> {
    this.check()
    const state = this.count++
    const held = [...tensors].filter(([, tensor]) => tensor.data.length > 0)
    await this.transport.request({
      type: 'createState',
      state,
      tensors: held.map(([name, tensor]) => ({ name, ...(handsOver ? toWire(tensor) : toOwnWire(tensor)) })),
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
    const weights = options.weights && ownSet(options.weights, OnnxWeights)
    checkWeights(programSlots(program), program.name, (slot) => weights?.weights.get(slot)?.spec)
    return this.programs.compile({ program, weights, signal: options.signal }, () => this.build(program, weights))
  }

  private async build(program: Program, weights: OnnxWeights | undefined): Promise<OnnxProgram> {
    const runner = (await this.packed(program, weights)) ?? (await this.session(program, weights))
    try {
      await weights?.arrive()
    } catch (error) {
      runner.release()
      throw error
    }
    return new OnnxProgram(program, runner, this)
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
    if (this.closing !== undefined) throw closedError(this.name)
  }

  private async packed(program: Program, weights: OnnxWeights | undefined): Promise<Runner | undefined> {
    const { packedThreads } = this.parts
    if (packedThreads === undefined) return undefined
    const plan = planPacked(program, (slot) => {
      const place = weights?.weights.get(slot)?.place
      return place === undefined ? undefined : heldId(place)
    })
    if (plan === undefined) return undefined
    await weights?.arrive() // it is made from their values
    return packedRunner(this.count++, plan, packedThreads, this.transport)
  }

  private session(program: Program, weights: OnnxWeights | undefined): Promise<Runner> | Runner {
    const source = { id: this.count++, ...this.emit(program, weights) }
    const { outputs, updates } = source.plan
    return outputs.length + updates.length === 0 ? idleRunner : sessionRunner(source, this.sessions, this.transport)
  }

  private emit(program: Program, weights: OnnxWeights | undefined) {
    const placeOf = (slot: string) => ((weights as OnnxWeights).weights.get(slot) as PlacedWeight).place
    const slots = [...programSlots(program).weight.keys()]
    if (slots.every((slot) => placeOf(slot).kind === 'buffer'))
      return bufferedProgram(program, (slot) => heldId(placeOf(slot)) as number)
    const mounts: { location: string; id: number }[] = []
    const emitted = emitProgram(program, (slot) => {
      const place = placeOf(slot)
      if (place.kind === 'file' && place.mounted !== undefined)
        mounts.push({ location: place.location, id: place.mounted })
      return place
    })
    return { ...emitted, ...(mounts.length > 0 ? { mounts } : {}) }
  }
}
