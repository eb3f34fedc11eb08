/** The core ops that packed programs know, as steps. */
import { broadcastStrides, type Node, type OpAttrs, type OpName, sizeOf, stridesOf, type Tensor } from '@espalier/core'
import { elementOf, indexList, NotPacked, type Planner } from './planner.js'

type Rule<K extends OpName> = (p: Planner, node: Node<K>, inputs: readonly Tensor[], y: Tensor) => void

const MOST_VECTORS = 4 // more rows than this are faster as matrix products

const ARITHMETIC: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div', 'pow', 'max', 'min'])
const FUNCTIONS: ReadonlySet<string> = new Set([
  'neg',
  'abs',
  'exp',
  'log',
  'sqrt',
  'rsqrt',
  'reciprocal',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
])

/** By op. What is not here makes a program unfit. */
export const opSteps: { readonly [K in OpName]?: Rule<K> } = {
  input() {},
  constant() {},
  iota(p, node, _, y) {
    const { axis } = node.attrs
    const stride = stridesOf(y.shape)[axis] as number
    const place = p.make(y)
    const values = Array.from({ length: sizeOf(y.shape) }, (_, i) => Math.floor(i / stride) % (y.shape[axis] as number))
    p.fill(place, elementOf(y.dtype) === 'f32' ? Float32Array.from(values) : Int32Array.from(values))
  },
  reshape(p, _, [x], y) {
    p.alias(y, p.at(x as Tensor))
  },
  unary(p, node, [x], y) {
    const { fn } = node.attrs
    if (!FUNCTIONS.has(fn) || y.dtype !== 'f32') throw new NotPacked(fn)
    p.step('unary', { fn, x: p.at(x as Tensor), y: p.make(y), count: sizeOf(y.shape) })
  },
  binary(p, node, [left, right], y) {
    const { fn } = node.attrs
    const [a, b] = [left as Tensor, right as Tensor]
    if (!ARITHMETIC.has(fn) || (y.dtype !== 'f32' && !(y.dtype === 'i32' && fn !== 'div' && fn !== 'pow')))
      throw new NotPacked(fn)
    const count = sizeOf(y.shape)
    const parts = { a: p.at(a), b: p.at(b), y: p.make(y), count }
    const whole = (x: Tensor) => sizeOf(x.shape) === count
    if (y.dtype === 'f32' && (fn === 'add' || fn === 'mul') && whole(a) && whole(b)) {
      p.step(fn, parts)
      return
    }
    if (y.dtype === 'f32' && fn === 'mul' && whole(a) && sizeOf(b.shape) === 1) {
      p.step('scale', parts)
      return
    }
    const read = (x: Tensor) => indexList(y.shape, broadcastStrides(x.shape, y.shape))
    p.step('binary', { ...parts, fn, ints: y.dtype !== 'f32', atA: read(a), atB: read(b) })
  },
  cast(p, _, [input], y) {
    const x = input as Tensor
    const [from, to] = [elementOf(x.dtype), elementOf(y.dtype)]
    if (from === to) {
      p.alias(y, p.at(x))
      return
    }
    if (to === 'bool') throw new NotPacked('a cast to bool')
    if (to === 'i32' && from === 'bool') {
      p.alias(y, p.at(x))
      return
    }
    p.step(to === 'f32' ? 'toFloat' : 'toInt', { x: p.at(x), y: p.make(y), count: sizeOf(y.shape) })
  },
  broadcast(p, _, [x], y) {
    const at = indexList(y.shape, broadcastStrides((x as Tensor).shape, y.shape))
    p.step('copy', { x: p.at(x as Tensor), y: p.make(y), at })
  },
  permute(p, node, [x], y) {
    const strides = stridesOf((x as Tensor).shape)
    const at = indexList(
      y.shape,
      node.attrs.order.map((axis) => strides[axis] as number),
    )
    p.step('copy', { x: p.at(x as Tensor), y: p.make(y), at })
  },
  slice(p, node, [x], y) {
    const strides = stridesOf((x as Tensor).shape)
    const start = node.attrs.starts.reduce((sum, from, axis) => sum + from * (strides[axis] as number), 0)
    p.step('copy', { x: p.at(x as Tensor), y: p.make(y), at: indexList(y.shape, strides, start) })
  },
  concat(p, node, inputs, y) {
    const { axis } = node.attrs
    const strides = stridesOf(y.shape)
    const place = p.make(y)
    let start = 0
    for (const x of inputs) {
      p.step('place', { x: p.at(x), y: place, at: indexList(x.shape, strides, start * (strides[axis] as number)) })
      start += x.shape[axis] as number
    }
  },
  matmul(p, node, [left, right], y) {
    product(p, node.attrs, left as Tensor, right as Tensor, y)
  },
  gatherRows(p, _, [left, indices], y) {
    const table = left as Tensor
    const rows = table.shape[0] as number
    const columns = sizeOf(table.shape.slice(1))
    const packed = isWeight(table) && columns % 8 === 0
    const place = packed ? p.packedWeight(table, rows, columns, false) : p.at(table)
    const count = sizeOf((indices as Tensor).shape)
    p.step('gather', { table: place, packed, rows, columns, indices: p.at(indices as Tensor), count, y: p.make(y) })
  },
  topK(p, node, [input], _) {
    const x = input as Tensor
    if (node.attrs.k !== 1) throw new NotPacked('more than the largest')
    const size = x.shape.at(-1) as number
    const [values, indices] = node.outputs as readonly [Tensor, Tensor]
    const rows = sizeOf(x.shape) / size
    p.step('largest', { x: p.at(x), rows, size, values: p.make(values), indices: p.make(indices) })
  },
}

// Only what has few rows on the left and a matrix of plain rows on the right.
function product(p: Planner, attrs: OpAttrs['matmul'], a: Tensor, b: Tensor, y: Tensor): void {
  const columns = a.shape.at(-1) as number
  const vectors = sizeOf(a.shape) / columns
  const rows = y.shape.at(-1) as number
  if (y.dtype !== 'f32' || attrs.transposeA || sizeOf(b.shape) !== rows * columns || vectors > MOST_VECTORS)
    throw new NotPacked('a product of many rows')
  const parts = { rows, columns, vectors }
  if (isWeight(b)) {
    if (columns % 8 !== 0) throw new NotPacked('columns that are no multiple of 8')
    const w = p.packedWeight(b, rows, columns, !attrs.transposeB)
    p.step('product', { ...parts, w, x: p.at(a), y: p.make(y) })
  } else if (attrs.transposeB || rows === 1) {
    p.step('plainProduct', { ...parts, w: p.at(b), x: p.at(a), y: p.make(y) })
  } else throw new NotPacked('a transposed product')
}

function isWeight({ node }: Tensor): boolean {
  return node.op === 'input' && (node.attrs as OpAttrs['input']).slot === 'weight'
}
