/** A program: what a backend compiles. Pure, with named slots; its updates replace state slots after the run, all or none. */
import type { Spec } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { attrsText, specsText } from '../graph/attrs-key.js'
import type { SlotKind } from '../graph/op-attrs.js'
import type { CallDefinition } from '../graph/ops/call.js'
import { tracedBody } from '../graph/ops/traced-bodies.js'
import { isOp, type Node, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sameShape } from '../shape.js'

/** Tensors to read back by name, and state slots with their new values. */
export interface Program {
  /** For messages, caches and profiles: 'accumulate', 'decode'... */
  readonly name: string
  readonly outputs: Readonly<Record<string, Tensor>>
  readonly updates?: Readonly<Record<string, Tensor>>
}

/** The slots that a program reads, by kind. */
export type ProgramSlots = { readonly [K in SlotKind]: ReadonlyMap<string, Spec> }

/** All tensors that a program must compute: outputs, then updates. */
export function programRoots(program: Program): Tensor[] {
  return [...Object.values(program.outputs), ...Object.values(program.updates ?? {})]
}

/** The program with its roots replaced, in the order of `programRoots`. */
export function withRoots(program: Program, roots: readonly Tensor[]): Program {
  const names = Object.keys(program.outputs)
  const updated = Object.keys(program.updates ?? {})
  const pick = (list: readonly string[], from: number) =>
    Object.fromEntries(list.map((name, i) => [name, roots[from + i] as Tensor]))
  return { name: program.name, outputs: pick(names, 0), updates: pick(updated, names.length) }
}

// Programs are immutable, and several ask.
const slotsOf = new WeakMap<Program, ProgramSlots>()

/** The slots that a program reads, and state slots that it only writes. Throws graph.slot when a slot has two specs or an update another spec. */
export function programSlots(program: Program): ProgramSlots {
  const known = slotsOf.get(program) ?? findSlots(program)
  slotsOf.set(program, known)
  return known
}

function findSlots(program: Program): ProgramSlots {
  const slots: Record<SlotKind, Map<string, Spec>> = { weight: new Map(), state: new Map(), feed: new Map() }
  const note = (kind: SlotKind, name: string, spec: Spec) => {
    const known = slots[kind].get(name)
    if (known !== undefined && (known.dtype !== spec.dtype || !sameShape(known.shape, spec.shape))) {
      throw new EspalierError('graph.slot', {
        what: 'a slot is used with two specs',
        got: { slot: name, kind, first: specOf(known), second: specOf(spec) },
      })
    }
    slots[kind].set(name, specOf(spec))
  }
  for (const node of topologicalOrder(programRoots(program))) {
    if (isOp(node, 'input')) note(node.attrs.slot, node.attrs.name, node.outputs[0] as Tensor)
  }
  for (const [name, value] of Object.entries(program.updates ?? {})) note('state', name, value)
  return slots
}

type Bodies = Map<CallDefinition, Map<string, number>>

// A deep model's key takes longer than one of its steps, and programs are immutable.
const keys = new WeakMap<Program, string>()

/** A text that two programs share exactly when they are the same graph over the same slots: the key of compile caches. */
export function programKey(program: Program): string {
  const known = keys.get(program)
  if (known !== undefined) return known
  const key = keyOf(program)
  keys.set(program, key)
  return key
}

function keyOf(program: Program): string {
  const numbers = new Map<Node, number>()
  const bodies: Bodies = new Map()
  const name = (x: Tensor) => `${numbers.get(x.node)}.${x.index}`
  const lines = topologicalOrder(programRoots(program)).map((node, i) => {
    numbers.set(node, i)
    return `${node.op}|${attrsText(node)}|${specsText(node)}|${node.inputs.map(name).join(',')}${bodyText(node, bodies)}`
  })
  const ends = [
    ...Object.entries(program.outputs).map(([key, x]) => `out ${key} ${name(x)}`),
    ...Object.entries(program.updates ?? {}).map(([key, x]) => `set ${key} ${name(x)}`),
  ]
  return [program.name, ...lines, ...ends].join('\n')
}

// Calls are open by name: two definitions of one name must not share a compiled program, so the body belongs to the key. Each use
// (definition, attributes and specs) has a number, and its body stands where it first occurs.
function bodyText(node: Node, bodies: Bodies): string {
  if (!isOp(node, 'call')) return ''
  const use = `${attrsText(node as unknown as Node)}|${node.inputs.map((x) => `${x.dtype}[${x.shape.join(',')}]`).join(' ')}`
  const { definition, attributes } = node.attrs
  const uses = bodies.get(definition) ?? new Map<string, number>()
  bodies.set(definition, uses)
  const known = uses.get(use)
  if (known !== undefined) return `#${known}`
  const number = [...bodies.values()].reduce((sum, { size }) => sum + size, 0)
  uses.set(use, number)
  const { outputs: roots } = tracedBody(definition, node.inputs, attributes)
  return `#${number}{${keyOf({ name: use, outputs: Object.fromEntries(roots.map((x, i) => [String(i), x])) })}}`
}

function specOf({ dtype, shape }: Spec): Spec {
  return { dtype, shape }
}
