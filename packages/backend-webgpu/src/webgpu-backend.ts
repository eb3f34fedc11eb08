/** The backend: weights, state and compiled programs on a device that is opened at the first use. */
import {
  type Backend,
  type CompileOptions,
  checkWeights,
  type DType,
  EspalierError,
  type Executable,
  type HostTensor,
  type MemoryEstimates,
  type Program,
  ProgramMap,
  type ProgressOptions,
  programSlots,
  type StateSet,
  Turns,
  type WeightRequest,
  type WeightSet,
} from '@espalier/core'
import type { OpenedDevice } from './device/open-device.js'
import { Runtime } from './device/runtime.js'
import { loadPlan } from './loaded-plan.js'
import { deviceBytes } from './plan/host-bytes.js'
import { planProgram } from './plan/plan-program.js'
import { WebgpuExecutable } from './webgpu-executable.js'
import { WebgpuState } from './webgpu-state.js'
import { WebgpuWeights } from './webgpu-weights.js'
import { WeightBuffers } from './weight-buffers.js'

/** Runs programs on a WebGPU device. */
export class WebgpuBackend implements Backend {
  readonly apiVersion = 1
  readonly name = 'webgpu'
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f16', 'i32', 'u32', 'bool'])
  readonly memory: MemoryEstimates = {
    bytesOf: deviceBytes,
    peakOf: (program) => planProgram(program).slots.reduce((sum, bytes) => sum + bytes, 0),
    keptFor: (peaks) => Math.max(0, ...peaks), // programs share their memory
  }
  readonly turns = new Turns()
  private readonly loaded = new WeightBuffers()
  private readonly states = new Set<WebgpuState>()
  private readonly compiled = new Map<WebgpuWeights | undefined, ProgramMap<Promise<WebgpuExecutable>>>()
  private runtime: Promise<Runtime> | undefined
  private closing: Promise<void> | undefined

  constructor(private readonly open: () => Promise<OpenedDevice>) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    const runtime = await this.ready()
    const check = () => this.check()
    const { weights, drop } = await this.loaded.load(runtime, sources, { ...options, check })
    const set: WebgpuWeights = new WebgpuWeights(weights, () => {
      const programs = [...(this.compiled.get(set)?.values() ?? [])]
      this.compiled.delete(set)
      this.turns.whenFree(() => {
        for (const program of programs)
          program.then(
            (executable) => executable.dispose(),
            () => {}, // whoever compiles it is told
          )
        drop()
      })
    })
    return set
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    const runtime = await this.ready()
    const state = await runtime.guarded(() => new WebgpuState(this, runtime, tensors), { op: 'state' })
    if (this.closing !== undefined) state.dispose()
    this.check()
    this.states.add(state)
    return state
  }

  /** Notes that a state set is gone. */
  forgetState(state: WebgpuState): void {
    this.states.delete(state)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    options.signal?.throwIfAborted()
    const weights = ownWeights(options.weights)
    checkWeights(programSlots(program), program.name, (slot) => weights?.specOf(slot))
    const known = this.compiled.get(weights) ?? new ProgramMap<Promise<WebgpuExecutable>>()
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
    const fresh = this.fresh(program, weights, forget)
    known.set(program, fresh)
    fresh.catch(forget)
    return fresh
  }

  private async fresh(program: Program, weights: WebgpuWeights | undefined, forget: () => void) {
    const runtime = await this.ready()
    const plan = planProgram(program, (name) => weights?.storedOf(name))
    return new WebgpuExecutable(program, await loadPlan(plan, runtime, weights), this, forget)
  }

  close(): Promise<void> {
    this.closing ??= this.turns.take(async () => {
      const runtime = await this.runtime?.catch(() => undefined) // whoever asked for it was told
      const executables = [...this.compiled.values()].flatMap((known) => [...known.values()])
      for (const one of await Promise.allSettled(executables)) if (one.status === 'fulfilled') one.value.dispose()
      for (const state of this.states) state.dispose()
      this.states.clear()
      this.compiled.clear()
      await this.loaded.clear()
      runtime?.close()
    })
    return this.closing
  }

  /** How many different shaders were compiled so far. */
  async shaders(): Promise<number> {
    return (await this.ready()).shaders
  }

  // A device that did not open is asked for again: a driver may have been installed, a GPU be back.
  private ready(): Promise<Runtime> {
    this.runtime ??= this.open().then(({ device }) => new Runtime(device))
    this.runtime.catch(() => {
      this.runtime = undefined
    })
    return this.runtime
  }

  /** Throws backend.closed after `close`. */
  check(): void {
    if (this.closing !== undefined)
      throw new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend: this.name } })
  }
}

function ownWeights(weights: WeightSet | undefined): WebgpuWeights | undefined {
  if (weights === undefined || weights instanceof WebgpuWeights) return weights
  throw new EspalierError('graph.slot', { what: 'a weight set belongs to another backend' })
}
