/**
 * A whole backend in plain JavaScript: what a backend of your own has to do besides its kernels. It computes in f32. A real one would
 * plan memory, fuse kernels and cache what it compiles (`programKey`); nothing here would change for its users.
 */
import {
  type Backend,
  bindState,
  type CompileOptions,
  checkFeeds,
  checkStateWrite,
  checkWeights,
  type DType,
  EspalierError,
  type Executable,
  type HostArray,
  type HostTensor,
  hostTensor,
  hostTensorFromBytes,
  inlineCalls,
  isOp,
  type Node,
  ownSet,
  type Program,
  programRoots,
  programSlots,
  type RunArguments,
  type Spec,
  type StateSet,
  sizeOf,
  type Tensor,
  toFloat32,
  topologicalOrder,
  type WeightRequest,
  type WeightSet,
  withRoots,
} from '@espalier/core'
import { type ComputedOp, type Kernel, kernels } from './kernels.js'

/** A backend of plain loops: `AutoModelForCausalLM.fromPretrained(source, { backend: plainJs() })`. */
export function plainJs(): Backend {
  return new PlainJs()
}

class PlainJs implements Backend {
  readonly apiVersion = 1
  readonly name = 'plain-js'
  /** What every op computes in; 16-bit floats and bytes are for storage and casts. */
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'i32', 'u32', 'bool'])
  private isClosed = false

  async loadWeights(requests: ReadonlyMap<string, WeightRequest>): Promise<WeightSet> {
    this.check()
    const tensors = new Map<string, HostTensor>()
    for (const [name, { source, dtype }] of requests) {
      const stored = hostTensorFromBytes(source.dtype, source.shape, await source.read())
      tensors.set(name, stored.dtype === dtype ? stored : hostTensor(dtype, source.shape, [...toFloat32(stored)]))
    }
    return new Weights(tensors)
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    return new State(tensors)
  }

  async compile(program: Program, { weights }: CompileOptions = {}): Promise<Executable> {
    this.check()
    return new Compiled(program, weights && ownSet(weights, Weights), () => this.check())
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  private check(): void {
    if (this.isClosed) throw gone('the backend is closed')
  }
}

class Weights implements WeightSet {
  readonly names: ReadonlySet<string>

  constructor(readonly tensors: ReadonlyMap<string, HostTensor>) {
    this.names = new Set(tensors.keys())
  }

  get byteLength(): number {
    return bytesOf(this.tensors)
  }

  release(): void {}
}

class State implements StateSet {
  private readonly tensors: Map<string, HostTensor>
  private isReleased = false

  constructor(tensors: ReadonlyMap<string, HostTensor>) {
    this.tensors = new Map([...tensors].map(([name, tensor]) => [name, copyOf(tensor)]))
  }

  get specs(): ReadonlyMap<string, Spec> {
    return this.tensors
  }

  get byteLength(): number {
    return bytesOf(this.tensors)
  }

  /** The tensor as it lies, for programs. */
  get(name: string): HostTensor {
    if (this.isReleased) throw gone('the state was released')
    return this.tensors.get(name) as HostTensor
  }

  /** Puts values in place that a run made. */
  commit(name: string, data: HostArray): void {
    this.tensors.set(name, { ...this.get(name), data })
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<Map<string, HostTensor>> {
    const unknown = names.filter((name) => !this.tensors.has(name))
    if (unknown.length > 0)
      throw new EspalierError('graph.slot', { what: 'the state has no such tensors', got: { unknown } })
    return new Map(names.map((name) => [name, copyOf(this.get(name))]))
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    checkStateWrite(this.specs, tensors)
    for (const [name, tensor] of tensors) this.commit(name, copyOf(tensor).data)
  }

  release(): void {
    this.isReleased = true
  }
}

/** One step of a compiled program. */
interface Step {
  readonly kernel: Kernel
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

class Compiled implements Executable {
  readonly byteLength = 0
  private readonly slots
  private readonly inlined: Program
  private readonly reads: readonly Node<'input'>[]
  private readonly steps: readonly Step[]
  private isReleased = false

  constructor(
    readonly program: Program,
    private readonly weights: Weights | undefined,
    private readonly checkOpen: () => void,
  ) {
    this.slots = programSlots(program)
    checkWeights(this.slots, program.name, (slot) => weights?.tensors.get(slot))
    this.inlined = withRoots(program, inlineCalls(programRoots(program)))
    const nodes = topologicalOrder(programRoots(this.inlined))
    this.reads = nodes.filter((node) => isOp(node, 'input'))
    this.steps = nodes
      .filter((node) => node.op !== 'input')
      .map((node) => ({
        kernel: (kernels[node.op as ComputedOp] as (node: Node) => Kernel)(node),
        inputs: node.inputs,
        outputs: node.outputs,
      }))
  }

  // Synchronous from the first value to the last: runs cannot overlap, and no other code sees half an update.
  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    this.checkOpen()
    if (this.isReleased) throw gone('the executable was released')
    const { name } = this.program
    const fed = checkFeeds(this.slots, name, feeds)
    const bound = bindState(this.slots, name, state)
    const values = new Map<Tensor, HostArray>()
    for (const node of this.reads) {
      const { slot, name: own } = node.attrs
      const at = bound.get(own)
      const tensor =
        slot === 'feed'
          ? fed.get(own)
          : slot === 'weight'
            ? this.weights?.tensors.get(own)
            : stateOf(at?.set).get(at?.name as string)
      values.set(node.outputs[0] as Tensor, computable(tensor as HostTensor))
    }
    for (const { kernel, inputs, outputs } of this.steps) {
      const made = outputs.map(({ dtype, shape }) => workArray(dtype, sizeOf(shape)))
      kernel(
        inputs.map((x) => values.get(x) as HostArray),
        made,
      )
      for (const [i, x] of outputs.entries()) values.set(x, rounded(x.dtype, made[i] as HostArray))
    }
    const result = (x: Tensor) => stored(x, values.get(x) as HostArray)
    const outputs = Object.fromEntries(Object.entries(this.inlined.outputs).map(([key, x]) => [key, result(x)]))
    const updates = Object.entries(this.inlined.updates ?? {}).map(([slot, x]) => [slot, result(x).data] as const)
    for (const [slot, data] of updates) {
      const at = bound.get(slot)
      stateOf(at?.set).commit(at?.name as string, data)
    }
    return outputs
  }

  release(): void {
    this.isReleased = true
  }
}

// 16-bit floats lie on the host as bits; kernels compute with their values.
function computable(tensor: HostTensor): HostArray {
  return tensor.dtype === 'f16' || tensor.dtype === 'bf16' ? toFloat32(tensor) : tensor.data
}

function workArray(dtype: DType, size: number): HostArray {
  return dtype === 'f16' || dtype === 'bf16' ? new Float32Array(size) : hostTensor(dtype, [size]).data
}

function rounded(dtype: DType, values: HostArray): HostArray {
  return dtype === 'f16' || dtype === 'bf16' ? toFloat32(hostTensor(dtype, [values.length], [...values])) : values
}

function stored({ dtype, shape }: Spec, values: HostArray): HostTensor {
  return dtype === 'f16' || dtype === 'bf16'
    ? hostTensor(dtype, shape, [...values])
    : { dtype, shape, data: values.slice() }
}

function stateOf(set: StateSet | undefined): State {
  return ownSet(set as StateSet, State)
}

function copyOf(tensor: HostTensor): HostTensor {
  return { ...tensor, data: tensor.data.slice() }
}

function bytesOf(tensors: ReadonlyMap<string, HostTensor>): number {
  return [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
}

function gone(what: string): EspalierError {
  return new EspalierError('backend.closed', { what, got: { backend: 'plain-js' } })
}
