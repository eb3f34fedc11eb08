/** The backend: weights, state and compiled programs on a device that is opened at the first use. */
import {
  type Backend,
  CompiledPrograms,
  type CompileOptions,
  checkWeights,
  closedError,
  type DType,
  type Executable,
  type HostTensor,
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
import type { OpenedDevice } from './device/open-device.js'
import { Runtime } from './device/runtime.js'
import { loadWeight } from './load-weight.js'
import { loadPlan } from './loaded-plan.js'
import { deviceBytes } from './plan/host-bytes.js'
import { planProgram } from './plan/plan-program.js'
import { WebgpuProgram } from './webgpu-program.js'
import { WebgpuState } from './webgpu-state.js'
import { type SharedWeight, WebgpuWeights } from './webgpu-weights.js'

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
  private readonly programs = new CompiledPrograms<WebgpuWeights, WebgpuProgram>(() => this.check())
  private readonly weights = new LoadedWeights<SharedWeight>({
    load: async (name, request) => loadWeight(await this.ready(), name, request),
    release: ({ buffer }) => buffer.destroy(),
  })
  private readonly states = new Set<WebgpuState>()
  private runtime: Promise<Runtime> | undefined
  private closing: Promise<void> | undefined

  constructor(private readonly open: () => Promise<OpenedDevice>) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions = {}): Promise<WeightSet> {
    this.check()
    options.signal?.throwIfAborted()
    const { weights, release } = await this.weights.take(sources, options, () => this.check())
    const set: WebgpuWeights = new WebgpuWeights(weights, () => {
      this.programs.end(set)
      this.turns.whenFree(release)
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
    const weights = options.weights && ownSet(options.weights, WebgpuWeights)
    checkWeights(programSlots(program), program.name, (slot) => weights?.specOf(slot))
    return this.programs.compile({ program, weights, signal: options.signal }, async () => {
      const runtime = await this.ready()
      const plan = planProgram(program, (name) => weights?.storedOf(name))
      return new WebgpuProgram(program, await loadPlan(plan, runtime, weights), this.turns)
    })
  }

  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    await this.turns.take(async () => {}) // what was asked for before
    const runtime = await this.runtime?.catch(() => undefined) // whoever asked for it was told
    await this.programs.clear()
    for (const state of this.states) state.dispose()
    this.states.clear()
    await this.weights.clear()
    runtime?.close()
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
    if (this.closing !== undefined) throw closedError(this.name)
  }
}
