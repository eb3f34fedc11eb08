/** A program as dispatches: calls inlined, chains of element-wise ops in one kernel each, constant parts computed once, updates at the end. */
import {
  cast,
  constantParts,
  type DType,
  type ElementwiseFusions,
  EspalierError,
  elementwiseFusions,
  feed,
  filledWith,
  type HostTensor,
  inlineCalls,
  isFloat,
  isOp,
  type Node,
  type Program,
  programRoots,
  rowWrites,
  type Shape,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
  withRoots,
} from '@espalier/core'
import { elementwiseKernel, isElementwise } from '../kernels/elementwise.js'
import { checkStartKernel, commitKernel, placeRowsKernel } from '../kernels/indexing.js'
import type { KernelUse } from '../kernels/kernel.js'
import { perThread } from '../kernels/kernel.js'
import { fillKernel, stridedKernel } from '../kernels/movement.js'
import { toDevice } from './host-bytes.js'
import { labelOf } from './label.js'
import { writeNode } from './node-steps.js'
import { ERRORS, type Plan, type PlannedCheck, type PlannedSlot } from './plan.js'
import { type Phase, Steps } from './steps.js'

/** How weights lie on the device, by slot; what is not there lies as the program reads it. */
export type StoredWeights = (name: string) => DType | undefined

// Constant parts up to this size are computed once: masks and tables.
const KEPT_BYTES = 4 << 20
// A kernel's inputs, so that with the result they are the 8 buffers that every device has.
const MOST_INPUTS = 7

/** Plans a program. Throws backend.unsupported for f64. */
export function planProgram(program: Program, storedWeights: StoredWeights = () => undefined): Plan {
  return new Planner(program, storedWeights).plan()
}

/** What the planner gives the rules of single ops. */
export interface Writing {
  /** The number of a tensor's value, which is computed by now. */
  valueOf(x: Tensor): number
  /** The value of a tensor, converted where it lies otherwise than the graph says. */
  asDeclared(x: Tensor): number
  storedOf(value: number): DType
  /** A value for an output; by default in the output's dtype. */
  result(y: Tensor, stored?: DType): number
  /** Says that a tensor is a value that is there already. */
  alias(y: Tensor, value: number): void
  add(use: KernelUse, node: Node, bindings: readonly number[]): void
  /** A value of 32-bit numbers for an output that kernels write wide: the output itself, or what `narrow` then rounds. */
  wide(y: Tensor): number
  narrow(y: Tensor, wide: number): void
  /** A value for a part of a node. */
  temporary(stored: DType, size: number): number
  check(check: PlannedCheck): number
}

class Planner implements Writing {
  private readonly steps = new Steps()
  private readonly values = new Map<Tensor, number>()
  private readonly inputs = new Map<string, number>()
  private readonly feeds: PlannedSlot[] = []
  private readonly constants = new Map<number, Uint8Array>()
  private readonly checks: PlannedCheck[] = []
  private fixed: ReadonlySet<Node> = new Set()
  private phase: Phase = 'steps'

  constructor(
    private readonly program: Program,
    private readonly storedWeights: StoredWeights,
  ) {}

  plan(): Plan {
    const roots = simplify(inlineCalls(programRoots(this.program)))
    const lowered = withRoots(this.program, roots)
    const { writes, wanted } = writesInPlace(lowered)
    const order = topologicalOrder(wanted)
    this.fixed = constantParts(order, (x) => bytesOf(x) <= KEPT_BYTES)
    const fusions = elementwiseFusions(wanted, { mostInputs: MOST_INPUTS, covers: isElementwise }, order)
    for (const node of order) this.write(node, fusions)
    this.phase = 'steps'
    const outputs = Object.entries(lowered.outputs).map(([name, x]) => ({ name, spec: x, value: this.asDeclared(x) }))
    const committed = this.commit(lowered, writes)
    const fed = this.feeds.map(({ value }) => value)
    const { values, slots } = this.steps.placed(fed, [...outputs.map(({ value }) => value), ...committed])
    const { once, steps, commits } = this.steps
    const keptBytes = values.reduce((sum, { place, bytes }) => sum + (place.in === 'kept' ? bytes : 0), 0)
    const { constants, feeds, checks } = this
    return {
      name: this.program.name,
      values,
      once,
      steps,
      commits,
      constants,
      feeds,
      outputs,
      checks,
      slots,
      keptBytes,
    }
  }

  private write(node: Node, { fusions, absorbed }: ElementwiseFusions): void {
    if (absorbed.has(node)) return
    for (const y of node.outputs) refuseF64(y)
    this.phase = this.fixed.has(node) ? 'once' : 'steps'
    if (isOp(node, 'input')) this.input(node)
    else if (isOp(node, 'constant')) this.constant(node)
    else if (isOp(node, 'reshape') || isOp(node, 'barrier'))
      for (const [i, y] of node.outputs.entries()) this.alias(y, this.valueOf(node.inputs[i] as Tensor))
    else if (node.outputs.every(isEmpty)) for (const y of node.outputs) this.result(y)
    else if (isElementwise(node)) this.elementwise(fusions.get(node)?.nodes ?? [node])
    else writeNode(this, node)
  }

  private input(node: Node<'input'>): void {
    const { slot, name } = node.attrs
    const y = node.outputs[0] as Tensor
    const key = `${slot} ${name}`
    const known = this.inputs.get(key)
    if (known !== undefined) {
      this.alias(y, known)
      return
    }
    const stored = slot === 'weight' ? (this.storedWeights(name) ?? y.dtype) : y.dtype
    const value = this.steps.value(slot === 'feed' ? { in: 'slot' } : { in: slot, name }, stored, sizeOf(y.shape))
    this.inputs.set(key, value)
    this.alias(y, value)
    if (slot === 'feed') this.feeds.push({ name, value, spec: { dtype: y.dtype, shape: y.shape } })
  }

  private constant(node: Node<'constant'>): void {
    const y = node.outputs[0] as Tensor
    if (filledWith(y) !== undefined) return // a parameter of its readers, or made when a kernel asks for all of it
    const value = this.steps.value({ in: 'kept' }, y.dtype, sizeOf(y.shape))
    this.constants.set(value, toDevice({ ...y, data: (node.attrs as { data: HostTensor['data'] }).data }))
    this.alias(y, value)
  }

  private elementwise(nodes: readonly Node[]): void {
    const last = nodes.at(-1) as Node
    const y = last.outputs[0] as Tensor
    const given: number[] = []
    const bufferOf = (x: Tensor) => {
      const value = this.valueOf(x)
      if (!given.includes(value)) given.push(value)
      return given.indexOf(value)
    }
    const inside = new Set(nodes)
    for (const node of nodes)
      if (node.op !== 'iota')
        for (const x of node.inputs) if (!inside.has(x.node) && filledWith(x) === undefined) bufferOf(x)
    const stored = given.map((value) => this.storedOf(value))
    const { source, params, words } = elementwiseKernel({ nodes, bufferOf, stored, result: y.dtype })
    const value = this.result(y)
    const use = perThread(nodes.length > 1 ? 'fused' : last.op, source, params, words)
    this.steps.add(this.phase, use, nodes.map(labelOf).join(' '), [value, ...given])
  }

  valueOf(x: Tensor): number {
    const known = this.values.get(x)
    if (known !== undefined) return known
    const filled = filledWith(x)
    if (filled === undefined)
      throw new EspalierError('internal.unreachable', {
        what: 'a tensor is read before it is made',
        got: { op: x.node.op },
      })
    const phase = this.phase
    this.phase = this.fixed.has(x.node) ? 'once' : 'steps'
    const value = this.result(x)
    if (!isEmpty(x)) this.add(fillKernel(x.dtype, x.shape, filled), x.node, [value])
    this.phase = phase
    return value
  }

  storedOf(value: number): DType {
    return this.steps.storedOf(value)
  }

  result(y: Tensor, stored: DType = y.dtype): number {
    const value = this.temporary(stored, sizeOf(y.shape))
    this.values.set(y, value)
    return value
  }

  temporary(stored: DType, size: number): number {
    return this.steps.value(this.phase === 'once' ? { in: 'kept' } : { in: 'slot' }, stored, size)
  }

  alias(y: Tensor, value: number): void {
    this.values.set(y, value)
  }

  add(use: KernelUse, node: Node, bindings: readonly number[]): void {
    this.steps.add(this.phase, use, labelOf(node), bindings)
  }

  wide(y: Tensor): number {
    return isFloat(y.dtype) && y.dtype !== 'f32' ? this.temporary('f32', sizeOf(y.shape)) : this.result(y)
  }

  narrow(y: Tensor, wide: number): void {
    if (this.values.get(y) !== wide) this.values.set(y, this.converted(wide, 'f32', y.dtype, y.shape))
  }

  check(check: PlannedCheck): number {
    this.checks.push(check)
    return this.checks.length - 1
  }

  private converted(value: number, from: DType, to: DType, shape: Shape): number {
    const source = feed('', from, shape)
    const { node } = cast(source, to)
    this.alias(source, value)
    this.elementwise([node])
    return this.valueOf(node.outputs[0] as Tensor)
  }

  asDeclared(x: Tensor): number {
    const value = this.valueOf(x)
    const stored = this.storedOf(value)
    return stored === x.dtype ? value : this.converted(value, stored, x.dtype, x.shape)
  }

  // What comes from state is copied first: its slot may get a new value in the same run.
  private settled(x: Tensor): number {
    const value = this.asDeclared(x)
    if (this.steps.placeOf(value).in !== 'state' || isEmpty(x)) return value
    const copy = this.temporary(x.dtype, sizeOf(x.shape))
    this.steps.add('steps', stridedKernel(x.dtype, [sizeOf(x.shape)], [1], 0), 'copy of state', [copy, value])
    return copy
  }

  private commit({ updates = {} }: Program, writes: ReadonlyMap<string, Node<'writeRows'>>): number[] {
    const lasting: number[] = []
    const commits = Object.entries(updates).flatMap(([slot, x]): (() => void)[] => {
      if (isEmpty(x)) return []
      const target = this.slot(slot, x)
      const write = writes.get(slot)
      if (write !== undefined) return [this.rowsInPlace(write, target, lasting)]
      if (this.valueOf(x) === target) return []
      const value = this.settled(x)
      lasting.push(value)
      const use = commitKernel(this.steps.bytesOf(target) / 4)
      return [() => this.steps.add('commits', use, `${slot} =`, [target, value, ERRORS])]
    })
    for (const add of commits) add()
    return lasting
  }

  private rowsInPlace(node: Node<'writeRows'>, target: number, lasting: number[]): () => void {
    const [whole, start, rows] = node.inputs as readonly [Tensor, Tensor, Tensor]
    const { axis } = node.attrs
    const [at, written] = [this.settled(start), this.settled(rows)]
    const [extent, count] = [whole.shape[axis] as number, rows.shape[axis] as number]
    const check = this.check({ op: 'writeRows', facts: { count, extent }, names: 'start' })
    this.steps.add('steps', checkStartKernel(whole.shape, rows.shape, axis, check), 'writeRows', [at, ERRORS])
    lasting.push(at, written)
    const use = placeRowsKernel(whole.shape, rows.shape, axis)
    return () => this.steps.add('commits', use, 'writeRows', [target, at, written, ERRORS])
  }

  private slot(name: string, { dtype, shape }: Tensor): number {
    const key = `state ${name}`
    const value = this.inputs.get(key) ?? this.steps.value({ in: 'state', name }, dtype, sizeOf(shape))
    this.inputs.set(key, value)
    return value
  }
}

// Smaller elements share their words with neighbours, which a write in place would have to read.
function writesInPlace(program: Program): ReturnType<typeof rowWrites> {
  const { updates = {} } = program
  const { writes, wanted } = rowWrites(program)
  const inPlace = new Map(
    [...writes].filter(([, node]) => ['f32', 'i32', 'u32'].includes((node.outputs[0] as Tensor).dtype)),
  )
  const whole = [...writes.keys()].filter((slot) => !inPlace.has(slot)).map((slot) => updates[slot] as Tensor)
  return { writes: inPlace, wanted: [...wanted, ...whole] }
}

function isEmpty({ shape }: Tensor): boolean {
  return sizeOf(shape) === 0
}

function bytesOf({ shape }: Tensor): number {
  return sizeOf(shape) * 4
}

function refuseF64({ dtype }: Tensor): void {
  if (dtype !== 'f64') return
  throw new EspalierError('backend.unsupported', {
    what: 'WebGPU has no 64-bit floats',
    got: { backend: 'webgpu', dtype },
    fix: 'Use f32, or the reference backend.',
  })
}
