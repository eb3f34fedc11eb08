/**
 * The reference executor: every op as plain loops, in f32 or f64. When two backends disagree it is right, and it is never made
 * fast.
 */
import {
  type DType,
  decodeBf16,
  decodeF16,
  encodeBf16,
  encodeF16,
  type HostTensor,
  hostArray,
  hostTensorFromBytes,
  isFloat,
  type Spec,
  toFloat64,
} from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { OpName } from '../graph/op-attrs.js'
import type { OpRule, Values } from '../graph/op-rule.js'
import { opRules } from '../graph/rules.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import type { ParameterSource } from '../parameter-source.js'
import { sizeOf } from '../shape.js'
import { inlineCalls } from '../transforms/inline.js'
import type {
  Backend,
  CompileOptions,
  Executable,
  RunArguments,
  StateSet,
  WeightRequest,
  WeightSet,
} from './backend.js'
import { type Program, programRoots, programSlots, withRoots } from './program.js'
import { bindState, checkFeeds } from './run-arguments.js'

/** Settings of the reference executor. */
export interface ReferenceOptions {
  /** How f32 tensors are computed and kept: rounded to f32 after every op, or in f64 throughout. Default 'f32'. */
  readonly precision?: 'f32' | 'f64'
}

/** A backend of plain loops: the judge in tests, and enough for tiny models anywhere. */
export function reference(options: ReferenceOptions = {}): Backend {
  return new ReferenceBackend(options.precision ?? 'f32')
}

type Precision = 'f32' | 'f64'

class ReferenceBackend implements Backend {
  readonly apiVersion = 1
  readonly name = 'reference'
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f64', 'f16', 'i32', 'u32', 'bool'])
  private closed = false
  private readonly loaded = new WeakMap<ParameterSource, Promise<Values>>()

  constructor(private readonly precision: Precision) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>): Promise<WeightSet> {
    this.check()
    const values = new Map<string, Values>()
    for (const [name, { source, dtype }] of sources) {
      const known =
        this.loaded.get(source) ??
        source
          .read()
          .then((bytes) => toValues(hostTensorFromBytes(source.dtype, source.shape, bytes), dtype, this.precision))
      this.loaded.set(source, known)
      values.set(name, await known)
    }
    return new ReferenceWeights(values)
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    return new ReferenceState(tensors, this.precision)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    return new ReferenceExecutable(program, options.weights as ReferenceWeights | undefined, this.precision)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private check(): void {
    if (this.closed)
      throw new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend: this.name } })
  }
}

class ReferenceWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  readonly byteLength: number

  constructor(readonly values: Map<string, Values>) {
    this.names = new Set(values.keys())
    this.byteLength = [...values.values()].reduce((sum, x) => sum + x.byteLength, 0)
  }

  release(): void {
    this.values.clear()
  }
}

class ReferenceState implements StateSet {
  readonly specs = new Map<string, Spec>()
  readonly values = new Map<string, Values>()

  constructor(
    tensors: ReadonlyMap<string, HostTensor>,
    private readonly precision: Precision,
  ) {
    for (const [name, tensor] of tensors) {
      this.specs.set(name, { dtype: tensor.dtype, shape: tensor.shape })
      this.values.set(name, toValues(tensor, tensor.dtype, precision).slice())
    }
  }

  get byteLength(): number {
    return [...this.values.values()].reduce((sum, x) => sum + x.byteLength, 0)
  }

  async read(names: readonly string[] = [...this.specs.keys()]): Promise<Map<string, HostTensor>> {
    return new Map(names.map((name) => [name, toHost(this.get(name), this.specs.get(name) as Spec)]))
  }

  async write(tensors: ReadonlyMap<string, HostTensor>): Promise<void> {
    for (const [name, tensor] of tensors) {
      this.get(name)
      this.values.set(name, toValues(tensor, tensor.dtype, this.precision).slice())
    }
  }

  get(name: string): Values {
    const value = this.values.get(name)
    if (value === undefined)
      throw new EspalierError('graph.slot', {
        what: 'the state has no such tensor',
        got: { name, names: [...this.specs.keys()] },
      })
    return value
  }

  release(): void {
    this.values.clear()
  }
}

class ReferenceExecutable implements Executable {
  readonly byteLength = 0
  private readonly inlined: Program
  private readonly order: readonly Node[]
  private readonly slots

  constructor(
    readonly program: Program,
    private readonly weights: ReferenceWeights | undefined,
    private readonly precision: Precision,
  ) {
    this.slots = programSlots(program)
    this.inlined = withRoots(program, inlineCalls(programRoots(program)))
    this.order = topologicalOrder(programRoots(this.inlined))
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    const fed = checkFeeds(this.slots, this.program.name, feeds)
    const bound = bindState(this.slots, this.program.name, state)
    const values = new Map<Tensor, Values>()
    const uses = countUses(this.order, programRoots(this.inlined))
    for (const node of this.order) {
      if (isOp(node, 'input')) values.set(node.outputs[0] as Tensor, this.inputValue(node, fed, bound))
      else this.evaluate(node, values)
      for (const x of node.inputs) {
        const left = (uses.get(x) ?? 0) - 1
        uses.set(x, left)
        if (left === 0) values.delete(x)
      }
    }
    const result = Object.fromEntries(
      Object.entries(this.inlined.outputs).map(([name, x]) => [name, toHost(values.get(x) as Values, x)]),
    )
    for (const [slot, x] of Object.entries(this.inlined.updates ?? {})) {
      const target = bound.get(slot) as { set: StateSet; name: string }
      ;(target.set as ReferenceState).values.set(target.name, (values.get(x) as Values).slice())
    }
    return result
  }

  private inputValue(
    node: Node<'input'>,
    fed: ReadonlyMap<string, HostTensor>,
    bound: ReadonlyMap<string, { set: StateSet; name: string }>,
  ): Values {
    const { slot, name } = node.attrs
    if (slot === 'feed') {
      const tensor = fed.get(name) as HostTensor
      return toValues(tensor, tensor.dtype, this.precision)
    }
    if (slot === 'state') {
      const target = bound.get(name) as { set: StateSet; name: string }
      return (target.set as ReferenceState).get(target.name)
    }
    const value = this.weights?.values.get(name)
    if (value === undefined)
      throw new EspalierError('graph.slot', {
        what: 'a weight of the program was not loaded',
        got: { program: this.program.name, slot: name },
      })
    return value
  }

  private evaluate(node: Node, values: Map<Tensor, Values>): void {
    const rule = opRules[node.op] as OpRule<OpName>
    const outputs = node.outputs.map((x) => valuesOf(x.dtype, sizeOf(x.shape), this.precision))
    rule.reference(
      node as unknown as Node<OpName>,
      node.inputs.map((x) => values.get(x) as Values),
      outputs,
    )
    node.outputs.forEach((x, i) => {
      const y = outputs[i] as Values
      if (x.dtype === 'f16') for (let j = 0; j < y.length; j++) y[j] = decodeF16(encodeF16(y[j] as number))
      if (x.dtype === 'bf16') for (let j = 0; j < y.length; j++) y[j] = decodeBf16(encodeBf16(y[j] as number))
      values.set(x, y)
    })
  }

  release(): void {}
}

function countUses(order: readonly Node[], roots: readonly Tensor[]): Map<Tensor, number> {
  const uses = new Map<Tensor, number>()
  for (const x of [...order.flatMap((node) => node.inputs), ...roots]) uses.set(x, (uses.get(x) ?? 0) + 1)
  return uses
}

function valuesOf(dtype: DType, size: number, precision: Precision): Values {
  if (!isFloat(dtype)) return hostArray(dtype, size) as Values
  return dtype === 'f64' || precision === 'f64' ? new Float64Array(size) : new Float32Array(size)
}

function toValues(tensor: HostTensor, dtype: DType, precision: Precision): Values {
  if (!isFloat(dtype)) return tensor.data as Values
  const values = valuesOf(dtype, tensor.data.length, precision)
  values.set(toFloat64(tensor))
  return values
}

function toHost(values: Values, { dtype, shape }: Spec): HostTensor {
  const data = hostArray(dtype, values.length)
  if (dtype === 'f16' || dtype === 'bf16') {
    const encode = dtype === 'f16' ? encodeF16 : encodeBf16
    for (let i = 0; i < data.length; i++) data[i] = encode(values[i] as number)
  } else data.set(values)
  return { dtype, shape, data }
}
