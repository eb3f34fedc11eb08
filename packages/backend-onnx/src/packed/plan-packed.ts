/** A program of few rows, as the generation of one token is, planned for packed weights; others are left to ONNX Runtime. */
import {
  cachedAttentionCall,
  inlineCalls,
  isOp,
  type Node,
  type OpName,
  type Program,
  programRoots,
  rowWrites,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
  withRoots,
} from '@espalier/core'
import { callStep, keepsPackedCall } from './call-steps.js'
import { opSteps } from './op-steps.js'
import type { PackedPlan, PackedUpdate } from './packed-plan.js'
import { elementOf, type HeldWeight, NotPacked, Planner } from './planner.js'

/** The plan of a program; undefined when packed kernels do not cover it or have nothing to gain. */
export function planPacked(program: Program, heldWeight: HeldWeight): PackedPlan | undefined {
  if (!mayBePacked(program)) return undefined
  try {
    return plan(program, heldWeight)
  } catch (error) {
    if (error instanceof NotPacked) return undefined
    throw error
  }
}

function plan(program: Program, heldWeight: HeldWeight): PackedPlan | undefined {
  const roots = simplify(inlineCalls(programRoots(program), keepsPackedCall))
  const simplified = withRoots(program, roots)
  const { outputs, updates = {} } = simplified
  const p = new Planner(heldWeight)
  const { writes, wanted } = rowWrites(simplified)
  for (const node of topologicalOrder(wanted)) addSteps(p, node)
  if (!p.isWorthwhile) return undefined

  const output = (slot: string, x: Tensor) => {
    const { space, offset } = p.at(x)
    if (space !== 'arena') throw new NotPacked('a weight is a result')
    return { slot, offset, count: sizeOf(x.shape), type: elementOf(x.dtype) }
  }
  return p.plan(program.name, {
    outputs: Object.entries(outputs).map(([slot, x]) => output(slot, x)),
    updates: Object.entries(updates).map(([slot, x]): PackedUpdate => {
      const write = writes.get(slot)
      if (write === undefined) return { ...output(slot, x), axis: 0, shape: x.shape, entries: 0 }
      const [, start, rows] = write.inputs as readonly [Tensor, Tensor, Tensor]
      const { axis } = write.attrs
      const entries = rows.shape[axis] as number
      return { ...output(slot, rows), start: p.at(start).offset, axis, shape: x.shape, entries }
    }),
  })
}

// One token attends to a cache: told before any work, so that a training step need not be inlined to be refused.
function mayBePacked(program: Program): boolean {
  return topologicalOrder(programRoots(program)).some(
    (node) =>
      isOp(node, 'call') && node.attrs.definition === cachedAttentionCall && (node.outputs[0] as Tensor).shape[2] === 1,
  )
}

function addSteps(p: Planner, node: Node): void {
  if (isOp(node, 'call')) {
    callStep(p, node)
    return
  }
  const rule = opSteps[node.op] as
    | ((p: Planner, node: Node<OpName>, inputs: readonly Tensor[], y: Tensor) => void)
    | undefined
  if (rule === undefined) throw new NotPacked(node.op)
  rule(p, node as Node<OpName>, node.inputs, node.outputs[0] as Tensor)
}
