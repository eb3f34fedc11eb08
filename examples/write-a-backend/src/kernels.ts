/**
 * One kernel per core op, the heart of any backend. A kernel is made when a program is compiled, with all that shapes decide, and run
 * with arrays. The table is a mapped type over the ops: one that is forgotten does not compile.
 */
import {
  type BinaryFn,
  type CompareFn,
  type HostArray,
  indexError,
  mix32,
  type Node,
  type OpName,
  type Shape,
  siteKey,
  sizeOf,
  stridesOf,
  type Tensor,
  toFloat32,
  type UnaryFn,
} from '@espalier/core'
import { aligned, positions } from './positions.js'

/** Fills the outputs, which are zeroed, from the inputs. */
export type Kernel = (inputs: readonly HostArray[], outputs: readonly HostArray[]) => void
type Maker<K extends OpName> = (node: Node<K>) => Kernel

/** Ops that a compiled program still has: inputs are slots, calls are inlined. */
export type ComputedOp = Exclude<OpName, 'input' | 'call'>

// Most kernels have one output and read the inputs by position; this gives them their arrays by name.
type One = (y: HostArray, a: HostArray, b: HostArray, c: HostArray) => void
const one =
  (fill: One): Kernel =>
  ([a, b, c], [y]) =>
    fill(y as HostArray, a as HostArray, b as HostArray, c as HostArray)

const input = (node: { readonly inputs: readonly Tensor[] }, i: number) => node.inputs[i] as Tensor
const output = (node: { readonly outputs: readonly Tensor[] }) => node.outputs[0] as Tensor

/** A copy of one input: output element i is the input's element at `from[i]`. */
const copied = (from: Int32Array) =>
  one((y, x) => {
    for (let i = 0; i < y.length; i++) y[i] = x[from[i] as number] as number
  })

/** How to make the kernel of each op. */
export const kernels: { readonly [K in ComputedOp]: Maker<K> } = {
  constant(node) {
    const { attrs } = node
    if ('value' in attrs) return one((y) => y.fill(attrs.value))
    const { dtype, shape } = output(node)
    const values = dtype === 'f16' || dtype === 'bf16' ? toFloat32({ dtype, shape, data: attrs.data }) : attrs.data
    return one((y) => y.set(values))
  },
  iota(node) {
    const { shape } = output(node)
    const [stride, extent] = [stridesOf(shape)[node.attrs.axis] as number, shape[node.attrs.axis] as number]
    return one((y) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.floor(i / stride) % extent
    })
  },
  unary(node) {
    const fn = unaryFns[node.attrs.fn]
    return one((y, x) => {
      for (let i = 0; i < y.length; i++) y[i] = fn(x[i] as number)
    })
  },
  binary: (node) => ofPairs(node, pairFn(node)),
  compare: (node) => ofPairs(node, compareFns[node.attrs.fn]),
  select(node) {
    const [atCondition, atTrue, atFalse] = node.inputs.map((x) => aligned(x.shape, output(node).shape))
    return one((y, condition, a, b) => {
      for (let i = 0; i < y.length; i++)
        y[i] = (condition[atCondition?.[i] as number] ? a[atTrue?.[i] as number] : b[atFalse?.[i] as number]) as number
    })
  },
  cast(node) {
    const { dtype } = output(node)
    const convert = dtype === 'bool' ? (x: number) => (x === 0 ? 0 : 1) : /^f|^bf/.test(dtype) ? Number : Math.trunc
    return one((y, x) => {
      for (let i = 0; i < y.length; i++) y[i] = convert(x[i] as number)
    })
  },
  matmul(node) {
    const { transposeA, transposeB } = node.attrs
    const [a, b, y] = [input(node, 0).shape, input(node, 1).shape, output(node).shape]
    const [m, n] = y.slice(-2) as [number, number]
    const k = a[a.length - (transposeA ? 2 : 1)] as number
    const [rowA, columnA] = transposeA ? [1, m] : [k, 1]
    const [rowB, columnB] = transposeB ? [1, k] : [n, 1]
    const batches = (shape: Shape) => aligned(shape.slice(0, -2), y.slice(0, -2))
    const [ofA, ofB] = [batches(a), batches(b)]
    return one((out, x, w) => {
      for (let i = 0; i < out.length; i++) {
        const [batch, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n]
        const fromA = (ofA[batch] as number) * m * k + row * rowA
        const fromB = (ofB[batch] as number) * k * n + column * columnB
        let sum = 0
        for (let l = 0; l < k; l++) sum += (x[fromA + l * columnA] as number) * (w[fromB + l * rowB] as number)
        out[i] = sum
      }
    })
  },
  reduce(node) {
    const { fn, axes } = node.attrs
    const { shape } = input(node, 0)
    const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
    const to = aligned(kept, shape)
    const start = { sum: 0, max: -Infinity, min: Infinity }[fn]
    const join = { sum: (a: number, b: number) => a + b, max: Math.max, min: Math.min }[fn]
    return one((y, x) => {
      const totals = new Float64Array(y.length).fill(start)
      for (let i = 0; i < x.length; i++)
        totals[to[i] as number] = join(totals[to[i] as number] as number, x[i] as number)
      y.set(totals)
    })
  },
  reshape: () => one((y, x) => y.set(x)),
  permute(node) {
    const strides = stridesOf(input(node, 0).shape)
    return copied(
      positions(
        output(node).shape,
        node.attrs.order.map((axis) => strides[axis] as number),
      ),
    )
  },
  broadcast: (node) => copied(aligned(input(node, 0).shape, output(node).shape)),
  slice(node) {
    const strides = stridesOf(input(node, 0).shape)
    const start = node.attrs.starts.reduce((sum, from, axis) => sum + from * (strides[axis] as number), 0)
    return copied(positions(output(node).shape, strides, start))
  },
  pad(node) {
    const { before, value } = node.attrs
    const strides = stridesOf(output(node).shape)
    const start = before.reduce((sum, count, axis) => sum + count * (strides[axis] as number), 0)
    const to = positions(input(node, 0).shape, strides, start)
    return one((y, x) => {
      y.fill(value)
      for (let i = 0; i < x.length; i++) y[to[i] as number] = x[i] as number
    })
  },
  concat(node) {
    const { axis } = node.attrs
    const strides = stridesOf(output(node).shape)
    let start = 0
    const parts = node.inputs.map(({ shape }) => {
      const to = positions(shape, strides, start * (strides[axis] as number))
      start += shape[axis] as number
      return to
    })
    return (inputs, [y]) => {
      for (const [part, x] of inputs.entries())
        for (let i = 0; i < x.length; i++) (y as HostArray)[parts[part]?.[i] as number] = x[i] as number
    }
  },
  gatherRows(node) {
    const { shape } = input(node, 0)
    const width = sizeOf(shape.slice(1))
    return one((y, table, indices) => {
      for (let i = 0; i < indices.length; i++) {
        const row = checked(indices[i] as number, shape[0] as number, 'gatherRows')
        y.set(table.subarray(row * width, (row + 1) * width), i * width)
      }
    })
  },
  gatherAlong(node) {
    const { axis } = node.attrs
    const [{ shape }, picked] = [input(node, 0), input(node, 1).shape]
    const [extent, inner] = [shape[axis] as number, sizeOf(picked.slice(axis + 1))]
    return one((y, x, indices) => {
      for (let i = 0; i < indices.length; i++) {
        const outer = Math.floor(i / ((picked[axis] as number) * inner))
        y[i] = x[
          (outer * extent + checked(indices[i] as number, extent, 'gatherAlong')) * inner + (i % inner)
        ] as number
      }
    })
  },
  scatterAddRows(node) {
    const width = sizeOf(output(node).shape.slice(1))
    return one((y, indices, updates) => {
      for (let i = 0; i < updates.length; i++) {
        const row = checked(indices[Math.floor(i / width)] as number, node.attrs.rows, 'scatterAddRows')
        const to = row * width + (i % width)
        y[to] = (y[to] as number) + (updates[i] as number)
      }
    })
  },
  writeRows(node) {
    const { axis } = node.attrs
    const [{ shape }, rows] = [input(node, 0), input(node, 2)]
    const [extent, count] = [shape[axis] as number, rows.shape[axis] as number]
    const inner = sizeOf(shape.slice(axis + 1))
    return one((y, buffer, [start], values) => {
      y.set(buffer)
      if (count === 0) return
      if ((start as number) < 0 || (start as number) + count > extent)
        throw indexError('writeRows', { start, count, extent })
      for (let outer = 0; outer * count * inner < values.length; outer++)
        y.set(
          values.subarray(outer * count * inner, (outer + 1) * count * inner),
          (outer * extent + (start as number)) * inner,
        )
    })
  },
  topK(node) {
    const { k } = node.attrs
    const extent = input(node, 0).shape.at(-1) as number
    return ([x], [values, indices]) => {
      for (let row = 0; k > 0 && row * extent < (x as HostArray).length; row++) {
        const entries = [...(x as HostArray).subarray(row * extent, (row + 1) * extent)].map((value, i) => ({
          value,
          i,
        }))
        entries.sort((a, b) => (a.value < b.value ? 1 : a.value > b.value ? -1 : a.i - b.i))
        for (const [place, { value, i }] of entries.slice(0, k).entries()) {
          ;(values as HostArray)[row * k + place] = value
          ;(indices as HostArray)[row * k + place] = i
        }
      }
    }
  },
  randomBits(node) {
    return one((y, [seed], index) => {
      const key = siteKey(seed as number, node.attrs.site)
      for (let i = 0; i < y.length; i++) y[i] = mix32(((index[i] as number) ^ key) >>> 0)
    })
  },
  // Nodes run in the order of the graph, so what must wait does.
  barrier: () => (inputs, outputs) => {
    for (const [i, y] of outputs.entries()) y.set(inputs[i] as HostArray)
  },
}

function ofPairs(node: Node<'binary'> | Node<'compare'>, fn: (a: number, b: number) => number | boolean): Kernel {
  const [atA, atB] = node.inputs.map((x) => aligned(x.shape, output(node).shape))
  return one((y, a, b) => {
    for (let i = 0; i < y.length; i++)
      y[i] = Number(fn(a[atA?.[i] as number] as number, b[atB?.[i] as number] as number))
  })
}

// Whole numbers wrap at 32 bits when they are stored; their products and quotients must be whole before.
function pairFn(node: Node<'binary'>): (a: number, b: number) => number {
  const { fn } = node.attrs
  const isWhole = output(node).dtype === 'i32' || output(node).dtype === 'u32'
  if (isWhole && fn === 'mul') return Math.imul
  if (isWhole && fn === 'div') return (a, b) => Math.trunc(a / b)
  return binaryFns[fn]
}

const binaryFns: { readonly [F in BinaryFn]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
  rem: (a, b) => a % b,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shiftLeft: (a, b) => a << b,
  shiftRight: (a, b) => a >>> b,
}

const compareFns: { readonly [F in CompareFn]: (a: number, b: number) => boolean } = {
  equal: (a, b) => a === b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
}

const unaryFns: { readonly [F in UnaryFn]: (x: number) => number } = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  erf,
  floor: Math.floor,
  round: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)), // halves to even
  sign: Math.sign,
  not: (x) => (x === 0 ? 1 : 0),
}

// Abramowitz and Stegun 7.1.26: within 1.5e-7, which is what float32 holds.
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x))
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
  return Math.sign(x) * (1 - series * Math.exp(-x * x))
}

function checked(index: number, extent: number, op: 'gatherRows' | 'gatherAlong' | 'scatterAddRows'): number {
  if (index < 0 || index >= extent) throw indexError(op, { index, extent })
  return index
}
