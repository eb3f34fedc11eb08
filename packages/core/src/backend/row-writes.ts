/** Updates that need not copy their slot: rows written into the slot's own old value, as key/value caches are. */
import { isOp, type Node, type Tensor } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'
import type { Program } from './program.js'

/** A program's updates by how they are done. */
export interface RowWrites {
  /** By slot: `writeRows` into the slot's old value, which a backend does in place once all is computed. Its inputs are that value, the start and the rows. */
  readonly writes: ReadonlyMap<string, Node<'writeRows'>>
  /** What must be computed: outputs, updates that replace a slot, and of writes the start and the rows. */
  readonly wanted: readonly Tensor[]
}

/** Finds the updates of a program that only write rows into their own slot. */
export function rowWrites({ outputs, updates = {} }: Program): RowWrites {
  const writes = new Map<string, Node<'writeRows'>>()
  const wanted = Object.values(outputs)
  for (const [slot, x] of Object.entries(updates)) {
    const { node } = x
    if (isOp(node, 'writeRows') && writesInto(slot, node)) {
      writes.set(slot, node)
      wanted.push(...node.inputs.slice(1))
    } else wanted.push(x)
  }
  return { writes, wanted }
}

function writesInto(slot: string, { inputs }: Node<'writeRows'>): boolean {
  const [buffer, , rows] = inputs as readonly [Tensor, Tensor, Tensor]
  const { node } = buffer
  return isOp(node, 'input') && node.attrs.slot === 'state' && node.attrs.name === slot && sizeOf(rows.shape) > 0
}
