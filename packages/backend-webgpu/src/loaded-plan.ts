/** A plan on a device: its constants, its pipelines, and buffers bound to every dispatch. */
import { type HostTensor, indexError } from '@espalier/core'
import { type GpuBindGroup, type GpuBuffer, type GpuEncoder, type GpuPipeline, MAP_READ, USAGE } from './device/gpu.js'
import type { Runtime } from './device/runtime.js'
import { deviceBytes, fromDevice } from './plan/host-bytes.js'
import { type Dispatch, ERRORS, type Plan, type PlannedCheck, type PlannedValue } from './plan/plan.js'
import type { WebgpuWeights } from './webgpu-weights.js'

const UNIFORM_ALIGNMENT = 256

/** Where a program's state slots lie in one run. */
export type StateOf = (slot: string) => GpuBuffer

interface Bound {
  readonly dispatch: Dispatch
  readonly pipeline: GpuPipeline
  readonly uniform: number
  /** Slots of state that it reads or writes. */
  readonly states: readonly string[]
  /** Undefined until it is bound, and again when a buffer of it is replaced. */
  group: GpuBindGroup | undefined
}

/** Puts a plan on a device: compiles its shaders, uploads its constants, and computes what is the same in every run. Throws backend.unsupported for a value larger than a binding, and what the device reports. */
export async function loadPlan(plan: Plan, runtime: Runtime, weights: WebgpuWeights | undefined): Promise<LoadedPlan> {
  const dispatches = [...plan.once, ...plan.steps, ...plan.commits]
  for (const bytes of plan.slots) runtime.checkSize(bytes, `a value of ${plan.name}`)
  const pipelines = await Promise.all(dispatches.map(({ kernel }) => runtime.pipeline(kernel)))
  const loaded = await runtime.guarded(() => new LoadedPlan(plan, runtime, weights, pipelines), { program: plan.name })
  await loaded.prepare()
  return loaded
}

/** A plan that can run. */
export class LoadedPlan {
  readonly byteLength: number
  private readonly bound: readonly Bound[]
  private readonly uniforms: GpuBuffer
  private readonly errors: GpuBuffer
  private readonly staging: GpuBuffer
  private readonly kept = new Map<number, GpuBuffer>()
  private slots: readonly GpuBuffer[] = []
  private generation = -1
  private states = new Map<string, GpuBuffer>()
  /** An index outside among the constant parts: it fails every run. */
  private failed: Uint32Array | undefined

  constructor(
    private readonly plan: Plan,
    private readonly runtime: Runtime,
    private readonly weights: WebgpuWeights | undefined,
    pipelines: readonly GpuPipeline[],
  ) {
    const dispatches = [...plan.once, ...plan.steps, ...plan.commits]
    let uniform = 0
    this.bound = dispatches.map((dispatch, i) => {
      const at = uniform
      uniform += Math.ceil(dispatch.params.byteLength / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT
      const places = dispatch.bindings.flatMap((value) => (value === ERRORS ? [] : [this.value(value).place]))
      const states = places.flatMap((place) => (place.in === 'state' ? [place.name] : []))
      return { dispatch, pipeline: pipelines[i] as GpuPipeline, uniform: at, states, group: undefined }
    })
    const words = new Uint32Array(uniform / 4)
    for (const { dispatch, uniform: at } of this.bound) words.set(dispatch.params, at / 4)
    this.uniforms = runtime.buffer(uniform, 'parameters', USAGE.uniform | USAGE.copyTarget)
    if (uniform > 0) runtime.device.queue.writeBuffer(this.uniforms, 0, words)
    this.errors = runtime.buffer(this.errorBytes, 'errors')
    const results = plan.outputs.reduce((sum, { spec }) => sum + deviceBytes(spec), 0)
    this.staging = runtime.buffer(results + this.errorBytes, 'results', USAGE.mapRead | USAGE.copyTarget)
    for (const [value, { place, bytes }] of plan.values.entries())
      if (place.in === 'kept') this.kept.set(value, runtime.buffer(bytes, `kept ${value}`))
    for (const [value, bytes] of plan.constants)
      if (bytes.byteLength > 0) runtime.device.queue.writeBuffer(this.kept.get(value) as GpuBuffer, 0, bytes)
    this.byteLength = uniform + results + plan.keptBytes
  }

  private get errorBytes(): number {
    return 4 * (1 + this.plan.checks.length)
  }

  /** Computes what is the same in every run. */
  async prepare(): Promise<void> {
    const { once } = this.plan
    if (once.length === 0) return
    const found = await this.submit(
      (encoder) => this.record(encoder, 0, once.length),
      () => {},
    )
    if (found[0] !== 0) this.failed = found.slice()
  }

  /** One run. Throws shape.mismatch for an index outside, backend.failed for what WebGPU reports. */
  async run(feeds: ReadonlyMap<string, Uint8Array>, stateOf: StateOf): Promise<Record<string, HostTensor>> {
    const { plan, runtime } = this
    const { once, steps, commits } = plan
    if (this.failed !== undefined) throw this.outside(this.failed)
    const results: Record<string, HostTensor> = {}
    const found = await this.submit(
      (encoder) => {
        this.rebind(stateOf)
        for (const { name, value } of plan.feeds) {
          const bytes = feeds.get(name) as Uint8Array
          if (bytes.byteLength > 0) runtime.device.queue.writeBuffer(this.bufferOf(value), 0, bytes)
        }
        this.record(encoder, once.length, steps.length)
        let offset = this.errorBytes
        for (const { value, spec } of plan.outputs) {
          const bytes = deviceBytes(spec)
          if (bytes > 0) encoder.copyBufferToBuffer(this.bufferOf(value), 0, this.staging, offset, bytes)
          offset += bytes
        }
        this.record(encoder, once.length + steps.length, commits.length)
      },
      (bytes) => {
        let offset = this.errorBytes
        for (const { name, spec } of plan.outputs) {
          results[name] = fromDevice(spec, bytes.subarray(offset))
          offset += deviceBytes(spec)
        }
      },
    )
    if (found[0] !== 0) throw this.outside(found)
    return results
  }

  /** Submits what is recorded, waits for it, and gives the mapped results to `read`; the words that checks have written. */
  private async submit(record: (encoder: GpuEncoder) => void, read: (bytes: Uint8Array) => void): Promise<Uint32Array> {
    const { runtime, staging, errorBytes } = this
    return runtime.guarded(
      async () => {
        const encoder = runtime.device.createCommandEncoder({ label: this.plan.name })
        encoder.clearBuffer(this.errors)
        record(encoder)
        encoder.copyBufferToBuffer(this.errors, 0, staging, 0, errorBytes)
        runtime.device.queue.submit([encoder.finish()])
        await staging.mapAsync(MAP_READ)
        const bytes = new Uint8Array(staging.getMappedRange())
        read(bytes)
        const found = new Uint32Array(bytes.slice(0, errorBytes).buffer)
        staging.unmap()
        return found
      },
      { program: this.plan.name },
    )
  }

  private record(encoder: GpuEncoder, from: number, count: number): void {
    if (count === 0) return
    const pass = encoder.beginComputePass()
    let current: GpuPipeline | undefined
    for (const bound of this.bound.slice(from, from + count)) {
      if (bound.pipeline !== current) pass.setPipeline(bound.pipeline)
      current = bound.pipeline
      bound.group ??= this.bind(bound)
      pass.setBindGroup(0, bound.group)
      pass.dispatchWorkgroups(...bound.dispatch.groups)
    }
    pass.end()
  }

  private bind({ dispatch, pipeline, uniform }: Bound): GpuBindGroup {
    const buffers = dispatch.bindings.map((value) => {
      const buffer = value === ERRORS ? this.errors : this.bufferOf(value)
      return { buffer, offset: 0, size: buffer.size }
    })
    const own = { buffer: this.uniforms, offset: uniform, size: dispatch.params.byteLength }
    const entries = [own, ...buffers].map((resource, binding) => ({ binding, resource }))
    return this.runtime.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
  }

  // Shared memory that has grown since, and state of another set, are bound again.
  private rebind(stateOf: StateOf): void {
    this.slots = this.runtime.slots(this.plan.slots)
    if (this.generation !== this.runtime.generation) {
      for (const bound of this.bound.slice(this.plan.once.length)) bound.group = undefined
      this.generation = this.runtime.generation
    }
    const names = new Set([...this.plan.values].flatMap(({ place }) => (place.in === 'state' ? [place.name] : [])))
    const changed = new Set<string>()
    for (const name of names) {
      const buffer = stateOf(name)
      if (this.states.get(name) === buffer) continue
      this.states.set(name, buffer)
      changed.add(name)
    }
    if (changed.size === 0) return
    for (const bound of this.bound) if (bound.states.some((name) => changed.has(name))) bound.group = undefined
  }

  private bufferOf(value: number): GpuBuffer {
    const { place } = this.value(value)
    switch (place.in) {
      case 'slot':
        return this.slots[place.slot] as GpuBuffer
      case 'kept':
        return this.kept.get(value) as GpuBuffer
      case 'weight':
        return (this.weights as WebgpuWeights).get(place.name)
      case 'state':
        return this.states.get(place.name) as GpuBuffer
    }
  }

  private value(number: number): PlannedValue {
    return this.plan.values[number] as PlannedValue
  }

  // Kernels note 2^32 - 1 less the number of the check, so that the first check has the largest note.
  private outside(found: Uint32Array) {
    const number = 0xffffffff - (found[0] as number)
    const { op, facts, names } = this.plan.checks[number] as PlannedCheck
    return indexError(op, { [names]: (found[number + 1] as number) | 0, ...facts })
  }

  /** Gives its buffers back; nothing of it may be running. */
  dispose(): void {
    for (const buffer of [this.uniforms, this.errors, this.staging, ...this.kept.values()]) buffer.destroy()
    this.kept.clear()
  }
}
