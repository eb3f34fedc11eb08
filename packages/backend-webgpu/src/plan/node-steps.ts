/** The rule of every op that has a kernel of its own. A forgotten op does not compile. */
import { type Node, type OpName, type Shape, sizeOf, stridesOf, type Tensor } from '@espalier/core'
import {
  gatherAlongKernel,
  gatherRowsKernel,
  scatterAddRowsKernel,
  topKKernel,
  writeRowsKernel,
} from '../kernels/indexing.js'
import { matmulKernel } from '../kernels/matmul.js'
import { CONCAT_PARTS, concatKernel, fillKernel, padKernel, stridedKernel } from '../kernels/movement.js'
import { reduceKernel } from '../kernels/reduce.js'
import { ERRORS } from './plan.js'
import type { Writing } from './plan-program.js'

type Rule<K extends OpName> = (writing: Writing, node: Node<K>) => void

/** Ops that the planner itself takes care of: what is there, what is a view, what fuses. */
type Planned =
  | 'input'
  | 'constant'
  | 'reshape'
  | 'barrier'
  | 'unary'
  | 'binary'
  | 'compare'
  | 'select'
  | 'cast'
  | 'broadcast'
  | 'iota'
  | 'randomBits'
  | 'call'

const OVER_NOTHING = { sum: 0, max: -Infinity, min: Infinity } as const

const rules: { readonly [K in Exclude<OpName, Planned>]: Rule<K> } = {
  permute(writing, node) {
    const [x, y] = [inputOf(node), outputOf(node)]
    const strides = stridesOf(x.shape)
    strided(
      writing,
      node,
      y.shape,
      node.attrs.order.map((axis) => strides[axis] as number),
      0,
    )
  },
  slice(writing, node) {
    const strides = stridesOf(inputOf(node).shape)
    const start = node.attrs.starts.reduce((sum, from, axis) => sum + from * (strides[axis] as number), 0)
    strided(writing, node, outputOf(node).shape, strides, start)
  },
  pad(writing, node) {
    const [x, y] = [inputOf(node), outputOf(node)]
    if (sizeOf(x.shape) === 0) return filled(writing, node, node.attrs.value)
    const value = writing.valueOf(x)
    const stored = writing.storedOf(value)
    const use = padKernel(stored, x.shape, node.attrs.before, y.shape, node.attrs.value)
    writing.add(use, nodeOf(node), [writing.result(y, stored), value])
  },
  concat(writing, node) {
    const { axis } = node.attrs
    const y = outputOf(node)
    const parts = node.inputs.filter(({ shape }) => sizeOf(shape) > 0)
    let [joined, ...left] = alike(writing, parts).map((value, i) => ({ value, shape: (parts[i] as Tensor).shape }))
    if (joined === undefined) return
    const stored = writing.storedOf(joined.value)
    while (left.length > 0) {
      const taken = [joined, ...left.slice(0, CONCAT_PARTS - 1)]
      left = left.slice(CONCAT_PARTS - 1)
      const extent = taken.reduce((sum, { shape }) => sum + (shape[axis] as number), 0)
      const shape: Shape = y.shape.map((size, i) => (i === axis ? extent : size))
      const value = left.length === 0 ? writing.result(y, stored) : writing.temporary(stored, sizeOf(shape))
      const use = concatKernel(
        stored,
        taken.map((part) => part.shape),
        axis,
        shape,
      )
      writing.add(use, nodeOf(node), [value, ...taken.map((part) => part.value)])
      joined = { value, shape }
    }
    if (parts.length === 1) writing.alias(y, joined.value)
  },
  matmul(writing, node) {
    const [a, b] = node.inputs as readonly [Tensor, Tensor]
    const y = outputOf(node)
    if (sizeOf(a.shape) === 0) return filled(writing, node, 0)
    const [p, q] = [writing.valueOf(a), writing.valueOf(b)]
    const stored = [writing.storedOf(p), writing.storedOf(q)] as const
    const use = matmulKernel({ a: a.shape, b: b.shape, y: y.shape, ...node.attrs, stored })
    wide(writing, node, (value) => writing.add(use, nodeOf(node), [value, p, q]))
  },
  reduce(writing, node) {
    const x = inputOf(node)
    const { fn, axes } = node.attrs
    if (sizeOf(x.shape) === 0) return filled(writing, node, OVER_NOTHING[fn])
    const value = writing.valueOf(x)
    const use = reduceKernel(fn, writing.storedOf(value), x.shape, axes)
    wide(writing, node, (result) => writing.add(use, nodeOf(node), [result, value]))
  },
  gatherRows(writing, node) {
    const [x, indices] = node.inputs as readonly [Tensor, Tensor]
    const y = outputOf(node)
    const [table, at] = [writing.valueOf(x), writing.valueOf(indices)]
    const check = writing.check({ op: node.op, facts: { size: x.shape[0] as number }, names: 'index' })
    const use = gatherRowsKernel(writing.storedOf(table), x.shape, y.shape, check)
    writing.add(use, nodeOf(node), [writing.result(y, writing.storedOf(table)), table, at, ERRORS])
  },
  gatherAlong(writing, node) {
    const [x, indices] = node.inputs as readonly [Tensor, Tensor]
    const { axis } = node.attrs
    const y = outputOf(node)
    const [source, at] = [writing.valueOf(x), writing.valueOf(indices)]
    const check = writing.check({ op: node.op, facts: { size: x.shape[axis] as number }, names: 'index' })
    const use = gatherAlongKernel(writing.storedOf(source), x.shape, y.shape, axis, check)
    writing.add(use, nodeOf(node), [writing.result(y, writing.storedOf(source)), source, at, ERRORS])
  },
  scatterAddRows(writing, node) {
    const [indices, updates] = node.inputs as readonly [Tensor, Tensor]
    const y = outputOf(node)
    if (sizeOf(updates.shape) === 0) return filled(writing, node, 0)
    const [at, added] = [writing.valueOf(indices), writing.valueOf(updates)]
    const check = writing.check({ op: node.op, facts: { size: node.attrs.rows }, names: 'index' })
    const use = scatterAddRowsKernel(writing.storedOf(added), sizeOf(indices.shape), y.shape, check)
    wide(writing, node, (value) => writing.add(use, nodeOf(node), [value, at, added, ERRORS]))
  },
  writeRows(writing, node) {
    const [whole, start, rows] = node.inputs as readonly [Tensor, Tensor, Tensor]
    const { axis } = node.attrs
    const y = outputOf(node)
    if (sizeOf(rows.shape) === 0) return writing.alias(y, writing.valueOf(whole))
    const [buffer, written] = alike(writing, [whole, rows]) as [number, number]
    const [extent, count] = [whole.shape[axis] as number, rows.shape[axis] as number]
    const check = writing.check({ op: node.op, facts: { count, extent }, names: 'start' })
    const stored = writing.storedOf(buffer)
    const use = writeRowsKernel(stored, whole.shape, rows.shape, axis, check)
    writing.add(use, nodeOf(node), [writing.result(y, stored), buffer, writing.valueOf(start), written, ERRORS])
  },
  topK(writing, node) {
    const x = inputOf(node)
    const [values, indices] = node.outputs as readonly [Tensor, Tensor]
    const extent = x.shape.at(-1) as number
    const value = writing.valueOf(x)
    const use = topKKernel(writing.storedOf(value), sizeOf(x.shape) / extent, extent, node.attrs.k)
    const own = writing.wide(values)
    writing.add(use, nodeOf(node), [own, writing.result(indices), value])
    writing.narrow(values, own)
  },
}

/** Writes the steps of a node whose outputs have elements. */
export function writeNode(writing: Writing, node: Node): void {
  const rule = rules[node.op as Exclude<OpName, Planned>] as Rule<OpName>
  rule(writing, node as unknown as Node<OpName>)
}

function strided<K extends OpName>(
  writing: Writing,
  node: Node<K>,
  shape: Shape,
  strides: readonly number[],
  start: number,
): void {
  const value = writing.valueOf(inputOf(node))
  const stored = writing.storedOf(value)
  writing.add(stridedKernel(stored, shape, strides, start), nodeOf(node), [
    writing.result(outputOf(node), stored),
    value,
  ])
}

/** Values of tensors that lie in one way: as they are where they do, else as the graph says. */
function alike(writing: Writing, tensors: readonly Tensor[]): number[] {
  const values = tensors.map((x) => writing.valueOf(x))
  const [first] = values
  if (values.every((value) => writing.storedOf(value) === writing.storedOf(first as number))) return values
  return tensors.map((x) => writing.asDeclared(x))
}

function filled<K extends OpName>(writing: Writing, node: Node<K>, value: number): void {
  const y = outputOf(node)
  writing.add(fillKernel(y.dtype, y.shape, value), nodeOf(node), [writing.result(y)])
}

// A kernel that writes 32 bits: of a 16-bit result the numbers are rounded in a step after it.
function wide<K extends OpName>(writing: Writing, node: Node<K>, write: (value: number) => void): void {
  const y = outputOf(node)
  const value = writing.wide(y)
  write(value)
  writing.narrow(y, value)
}

function inputOf<K extends OpName>(node: Node<K>): Tensor {
  return node.inputs[0] as Tensor
}

function outputOf<K extends OpName>(node: Node<K>): Tensor {
  return node.outputs[0] as Tensor
}

function nodeOf<K extends OpName>(node: Node<K>): Node {
  return node as unknown as Node
}
