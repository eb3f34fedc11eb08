/**
 * The reference executor: every op as plain loops, in f32 or f64. When two backends disagree it is right, and it is never made
 * fast.
 */
import { type DType, type HostTensor, hostTensorFromBytes, type Spec } from '../dtype.js'
import type { OpName } from '../graph/op-attrs.js'
import type { OpRule, Values } from '../graph/op-rule.js'
import { opRules } from '../graph/rules.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import type { ParameterSource } from '../parameter-source.js'
import { sizeOf } from '../shape.js'
import { inlineCalls } from '../transforms/inline.js'
import { lastUses } from '../transforms/liveness.js'
import type {
  Backend,
  CompileOptions,
  Executable,
  RunArguments,
  StateSet,
  WeightRequest,
  WeightSet,
} from './backend.js'
import { type Program, type ProgramSlots, programRoots, programSlots, withRoots } from './program.js'
import {
  type Precision,
  ReferenceState,
  ReferenceWeights,
  roundTo,
  toHost,
  toValues,
  valuesOf,
} from './reference-memory.js'
import { type BoundState, bindState, checkFeeds, checkWeights } from './run-arguments.js'
import { closedError, ownSet, releasedProgramError } from './set-errors.js'

/** Settings of the reference executor. */
export interface ReferenceOptions {
  /** How f32 tensors are computed and kept: rounded to f32 after every op, or in f64 throughout. Default 'f32'. */
  readonly precision?: 'f32' | 'f64'
}

/** A backend of plain loops: the judge in tests, and enough for tiny models anywhere. */
export function reference(options: ReferenceOptions = {}): Backend {
  return new ReferenceBackend(options.precision ?? 'f32')
}

class ReferenceBackend implements Backend {
  readonly apiVersion = 1
  readonly name = 'reference'
  readonly dtypes: ReadonlySet<DType> = new Set(['f32', 'f64', 'f16', 'i32', 'u32', 'bool'])
  private closed = false
  private readonly loaded = new WeakMap<ParameterSource, Map<DType, Promise<Values>>>()

  constructor(private readonly precision: Precision) {}

  async loadWeights(sources: ReadonlyMap<string, WeightRequest>): Promise<WeightSet> {
    this.check()
    const tensors = new Map<string, { values: Values; spec: Spec }>()
    for (const [name, request] of sources) {
      const spec = { dtype: request.dtype, shape: request.source.shape }
      tensors.set(name, { values: await this.load(request), spec })
    }
    return new ReferenceWeights(tensors)
  }

  private load({ source, dtype }: WeightRequest): Promise<Values> {
    const known = this.loaded.get(source) ?? new Map<DType, Promise<Values>>()
    this.loaded.set(source, known)
    const before = known.get(dtype)
    if (before !== undefined) return before
    const values = source
      .read()
      .then((bytes) => toValues(hostTensorFromBytes(source.dtype, source.shape, bytes), dtype, this.precision))
    known.set(dtype, values)
    values.catch(() => known.delete(dtype)) // the next attempt reads again
    return values
  }

  async createState(tensors: ReadonlyMap<string, HostTensor>): Promise<StateSet> {
    this.check()
    return new ReferenceState(tensors, this.precision)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check()
    return new ReferenceExecutable(program, options.weights, this.precision, () => this.check())
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private check(): void {
    if (this.closed) throw closedError(this.name)
  }
}

class ReferenceExecutable implements Executable {
  readonly byteLength = 0
  private readonly inlined: Program
  private readonly order: readonly Node[]
  /** What ends with each node. */
  private readonly ending: readonly Tensor[][]
  private readonly slots: ProgramSlots
  private readonly weights: ReferenceWeights | undefined
  private released = false

  constructor(
    readonly program: Program,
    weights: WeightSet | undefined,
    private readonly precision: Precision,
    private readonly checkOpen: () => void,
  ) {
    this.slots = programSlots(program)
    this.weights = weights && ownSet(weights, ReferenceWeights)
    checkWeights(this.slots, program.name, (slot) => this.weights?.specOf(slot))
    this.inlined = withRoots(program, inlineCalls(programRoots(program)))
    this.order = topologicalOrder(programRoots(this.inlined))
    this.ending = lastUses(this.order, programRoots(this.inlined))
  }

  async run({ feeds, state }: RunArguments): Promise<Record<string, HostTensor>> {
    this.checkOpen()
    if (this.released) throw releasedProgramError(this.program.name)
    const fed = checkFeeds(this.slots, this.program.name, feeds)
    const bound = bindState(this.slots, this.program.name, state)
    const values = new Map<Tensor, Values>()
    for (const [place, node] of this.order.entries()) {
      if (isOp(node, 'input')) values.set(node.outputs[0] as Tensor, this.inputValue(node, fed, bound))
      else this.evaluate(node, values)
      for (const x of this.ending[place] as Tensor[]) values.delete(x)
    }
    const result = Object.fromEntries(
      Object.entries(this.inlined.outputs).map(([name, x]) => [name, toHost(values.get(x) as Values, x)]),
    )
    // Nothing can fail from here on: all updates or none.
    for (const [slot, x] of Object.entries(this.inlined.updates ?? {})) {
      const { set, name } = bound.get(slot) as BoundState
      ownSet(set, ReferenceState).commit(new Map([[name, (values.get(x) as Values).slice()]]))
    }
    return result
  }

  private inputValue(
    node: Node<'input'>,
    fed: ReadonlyMap<string, HostTensor>,
    bound: ReadonlyMap<string, BoundState>,
  ): Values {
    const { slot, name } = node.attrs
    if (slot === 'feed') {
      const tensor = fed.get(name) as HostTensor
      return toValues(tensor, tensor.dtype, this.precision)
    }
    if (slot === 'state') {
      const target = bound.get(name) as BoundState
      return ownSet(target.set, ReferenceState).get(target.name)
    }
    return (this.weights as ReferenceWeights).get(name)
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
      roundTo(x.dtype, y)
      values.set(x, y)
    })
  }

  release(): void {
    this.released = true
  }
}
