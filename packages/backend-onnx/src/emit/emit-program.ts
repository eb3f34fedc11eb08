/**
 * A program as one ONNX model, and a plan of what goes in and out: the worker needs nothing else to run it. Values without elements
 * never reach the runtime.
 */
import {
  inlineCalls,
  isOp,
  type Node,
  type Program,
  productFusions,
  programRoots,
  programSlots,
  rowWrites,
  type Shape,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
  withRoots,
} from '@espalier/core'
import { encodeModel, type OnnxInitializer, type OnnxType, type OnnxValue } from '../model/onnx-model.js'
import { keepsCall } from './calls.js'
import { Emitter, type HostMask, held } from './emitter.js'
import { emitSplit } from './movement.js'
import { emitProduct } from './products.js'
import { recomputeCheap } from './recompute.js'
import { numbered, schedule } from './schedule.js'
import { splitsOf } from './splits.js'
import { emitNode } from './table.js'

/** Where a weight lies: a range of a file that the runtime maps, or a buffer that every run is given. */
export type WeightPlace =
  | {
      readonly kind: 'file'
      readonly location: string
      readonly offset: number
      readonly byteLength: number
      readonly type: OnnxType /** The host's weight that stands for the file, where there is no file system. */
      readonly mounted?: number
    }
  | { readonly kind: 'buffer'; readonly id: number }

/** A graph input and where each run takes it from. Shapes and types are as the runtime sees them. */
export interface PlanInput {
  readonly name: string
  readonly type: OnnxType
  readonly shape: Shape
  readonly from:
    | { readonly kind: 'feed' | 'state'; readonly slot: string }
    | { readonly kind: 'weight'; readonly id: number }
}

/** What a run does to a state slot: replaces it, or writes rows into it at a position that the graph also returns. */
export type PlanUpdate =
  | { readonly slot: string; readonly kind: 'whole'; readonly output: string }
  | {
      readonly slot: string
      readonly kind: 'rows'
      readonly output: string
      readonly start: string
      readonly axis: number
      readonly shape: Shape
      readonly count: number
    }

/** How to run a model. */
export interface Plan {
  readonly program: string
  readonly inputs: readonly PlanInput[]
  /** Slots to read back with the graph outputs that hold them; slots without elements are absent. */
  readonly outputs: readonly { readonly slot: string; readonly output: string }[]
  readonly updates: readonly PlanUpdate[]
  /** Masks that the host makes from fed seeds. */
  readonly masks: readonly HostMask[]
  /** Number of nodes in running order, for profiles. */
  readonly nodeCount: number
  /** Bytes of intermediate values alive at once, estimated. */
  readonly peakBytes: number
  /** The session records a profile, which is written when it closes. */
  readonly profiled?: boolean
}

/** A model's bytes and its plan. */
export interface EmittedProgram {
  readonly model: Uint8Array
  readonly plan: Plan
  /** Names of the nodes in the order in which they must run. */
  readonly order: readonly string[]
}

/** Translates a program. `placeOf` says where each weight slot lies. */
export function emitProgram(program: Program, placeOf: (slot: string) => WeightPlace): EmittedProgram {
  const roots = simplify(inlineCalls(programRoots(program), (node) => keepsCall(node)))
  const simplified = withRoots(program, roots)
  const { outputs, updates = {} } = simplified
  const { writes, wanted } = rowWrites(simplified)

  const e = new Emitter()
  const inputs = new Map<string, PlanInput>()
  const initializers: OnnxInitializer[] = []
  const order = topologicalOrder(wanted)
  const { products, absorbed } = productFusions(wanted, order)
  const splits = splitsOf(order)
  for (const node of order) {
    if (absorbed.has(node) || node.outputs.every((x) => sizeOf(x.shape) === 0)) continue
    const y = node.outputs[0] as Tensor
    e.enter(nameOf(node))
    const product = products.get(node)
    const split = splits.get(node)
    if (product !== undefined) emitProduct(e, product, y)
    else if (isOp(node, 'input')) emitInput(e, node, y, inputs, initializers, placeOf)
    else if (split !== undefined) emitSplit(e, split, node)
    else emitNode(e, node)
  }

  const graphOutputs = new Map<Tensor, OnnxValue>()
  const taken = new Set<string>()
  e.enter('output')
  const output = (x: Tensor): string => {
    const known = graphOutputs.get(x)
    if (known !== undefined) return known.name
    // A result that is an input, a constant or another result needs a name of its own.
    const own = e.full(x)
    const fresh = e.isComputed(own) && !taken.has(own)
    const value: OnnxValue = { name: fresh ? own : e.one('Identity', [own]), type: held(x.dtype), shape: x.shape }
    taken.add(value.name)
    graphOutputs.set(x, value)
    return value.name
  }
  const filled = (entries: Readonly<Record<string, Tensor>>) =>
    Object.entries(entries).filter(([, x]) => sizeOf(x.shape) > 0)
  const planned = filled(outputs).map(([slot, x]) => ({ slot, output: output(x) }))
  const replaced = filled(updates).map(([slot, x]): PlanUpdate => {
    const write = writes.get(slot)
    if (write === undefined) return { slot, kind: 'whole', output: output(x) }
    const [, start, rows] = write.inputs as readonly [Tensor, Tensor, Tensor]
    const { axis } = write.attrs
    return {
      slot,
      kind: 'rows',
      output: output(rows),
      start: output(start),
      axis,
      shape: x.shape,
      count: rows.shape[axis] as number,
    }
  })

  const graph = { nodes: e.nodes, outputs: [...graphOutputs.values()].map(({ name }) => name), bytes: e.bytes }
  const { order: running, peakBytes } = schedule({ ...graph, nodes: recomputeCheap(graph) })
  const read = new Set(running.flatMap((node) => node.inputs))
  const used = [...inputs.values()].filter(({ name }) => read.has(name))
  const masks = e.masks.filter(({ name }) => read.has(name))
  const model = encodeModel({
    name: program.name,
    nodes: numbered(running),
    inputs: [...used, ...masks.map(({ name, count }) => ({ name, type: 'bool' as const, shape: [count] }))],
    outputs: [...graphOutputs.values()],
    initializers: [...initializers, ...e.initializers.values()].filter(({ name }) => read.has(name)),
  })
  const plan = {
    program: program.name,
    inputs: used,
    outputs: planned,
    updates: replaced,
    masks,
    nodeCount: running.length,
    peakBytes,
  }
  return { model, plan, order: running.map(({ name }) => name) }
}

// By their programs, with weights numbered in the order of their slots: whoever plans a run asks before the run does.
const buffered = new WeakMap<Program, EmittedProgram>()

/** A program whose weights all lie in buffers, as `emitProgram` gives it; translated once, however often it is asked for. */
export function bufferedProgram(program: Program, idOf: (slot: string) => number): EmittedProgram {
  const slots = [...programSlots(program).weight.keys()]
  const numbers = new Map(slots.map((slot, i) => [slot, i]))
  const known =
    buffered.get(program) ?? emitProgram(program, (slot) => ({ kind: 'buffer', id: numbers.get(slot) as number }))
  buffered.set(program, known)
  const inputs = known.plan.inputs.map((input): PlanInput => {
    const { from } = input
    return from.kind === 'weight' ? { ...input, from: { kind: 'weight', id: idOf(slots[from.id] as string) } } : input
  })
  return { ...known, plan: { ...known.plan, inputs } }
}

function emitInput(
  e: Emitter,
  node: Node<'input'>,
  y: Tensor,
  inputs: Map<string, PlanInput>,
  initializers: OnnxInitializer[],
  placeOf: (slot: string) => WeightPlace,
): void {
  const { slot, name } = node.attrs
  const key = `${slot} ${name}`
  const known = inputs.get(key)
  if (known !== undefined) {
    e.set(y, known.name)
    return
  }
  const id = `i${inputs.size + initializers.length}`
  const place = slot === 'weight' ? placeOf(name) : undefined
  if (place?.kind === 'file') {
    const { location, offset, byteLength, type } = place
    initializers.push({ name: id, type, shape: y.shape, data: { location, offset, byteLength } })
    if (type === held(y.dtype)) e.set(y, id)
    else e.setStored(y, id)
    return
  }
  const from: PlanInput['from'] =
    place === undefined ? { kind: slot as 'feed' | 'state', slot: name } : { kind: 'weight', id: place.id }
  inputs.set(key, { name: id, type: held(y.dtype), shape: y.shape, from })
  e.set(y, id)
}

function nameOf(node: Node): string {
  if (isOp(node, 'call')) return node.attrs.definition.name
  if (isOp(node, 'unary') || isOp(node, 'binary') || isOp(node, 'compare') || isOp(node, 'reduce'))
    return `${node.op}.${node.attrs.fn}`
  return node.op
}
