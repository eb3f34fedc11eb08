/** Algebraic clean-up that never changes a value: identities, chained movements, constants. Dead code falls away by itself. */
import { type DType, hostTensor, isFloat, toFloat64 } from '../dtype.js'
import type { OpName } from '../graph/op-attrs.js'
import { add, binaryFns, mul } from '../graph/ops/binary.js'
import { constant, filledWith } from '../graph/ops/constant.js'
import { matmul } from '../graph/ops/matmul.js'
import { permute } from '../graph/ops/permute.js'
import { reshape } from '../graph/ops/reshape.js'
import { unaryFns } from '../graph/ops/unary.js'
import { rebuild, withInputs } from '../graph/rebuild.js'
import { isOp, type Node, type Tensor } from '../graph/tensor.js'
import { sameShape } from '../shape.js'
import { narrowBarriers } from './narrow-barriers.js'
import { SharedNodes } from './shared-nodes.js'

type Rule<K extends OpName> = (node: Node<K>, inputs: readonly [Tensor, Tensor]) => Tensor | undefined

const rules: { readonly [K in OpName]?: Rule<K> } = {
  unary(node, [x]) {
    const value = filledWith(x)
    if (value !== undefined && x.dtype === 'f32') {
      return constant(Math.fround(unaryFns[node.attrs.fn](Math.fround(value))), x.dtype, x.shape)
    }
    const inner = x.node
    if (node.attrs.fn === 'neg' && isOp(inner, 'unary') && inner.attrs.fn === 'neg') return inner.inputs[0]
    return undefined
  },
  binary: simplifyBinary,
  cast(node, [x]) {
    const y = node.outputs[0] as Tensor
    const value = filledWith(x)
    if (x.dtype === y.dtype) return x
    // Wide and back is nothing: two layers that compute in f32 between them.
    if (isOp(x.node, 'cast') && holdsAll(x.dtype, y.dtype) && (x.node.inputs[0] as Tensor).dtype === y.dtype)
      return x.node.inputs[0]
    return value !== undefined && y.dtype === 'f32' ? constant(stored(value, x.dtype), 'f32', y.shape) : undefined
  },
  reshape(node, [x]) {
    const { shape } = node.outputs[0] as Tensor
    const value = filledWith(x)
    if (value !== undefined) return constant(value, x.dtype, shape)
    return x.node.op === 'reshape'
      ? reshape(x.node.inputs[0] as Tensor, shape)
      : sameShape(x.shape, shape)
        ? x
        : undefined
  },
  permute(node, [x]) {
    const { order } = node.attrs
    const inner = x.node
    if (order.every((axis, i) => axis === i)) return x
    if (isOp(inner, 'permute'))
      return permute(
        inner.inputs[0] as Tensor,
        order.map((axis) => inner.attrs.order[axis] as number),
      )
    // Moving only axes of size 1 is a reshape.
    const moved = order.filter((axis) => x.shape[axis] !== 1)
    return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))
      ? reshape(
          x,
          order.map((axis) => x.shape[axis] as number),
        )
      : undefined
  },
  broadcast(node, [x]) {
    const { shape } = node.outputs[0] as Tensor
    const value = filledWith(x)
    return value === undefined ? (sameShape(x.shape, shape) ? x : undefined) : constant(value, x.dtype, shape)
  },
  matmul(node, [a, b]) {
    const { transposeA, transposeB } = node.attrs
    const [plainA, plainB] = [untransposed(a), untransposed(b)]
    if (plainA === undefined && plainB === undefined) return undefined
    return matmul(plainA ?? a, plainB ?? b, {
      transposeA: plainA === undefined ? transposeA : !transposeA,
      transposeB: plainB === undefined ? transposeB : !transposeB,
    })
  },
  reduce(node, [x]) {
    // Reducing axes of size 1 is a reshape.
    return node.attrs.axes.every((axis) => x.shape[axis] === 1)
      ? reshape(x, (node.outputs[0] as Tensor).shape)
      : undefined
  },
}

/** The graph cleaned up and with common subexpressions merged. Values stay the same, bit for bit, but for sums of zeros' signs. */
export function simplify(roots: readonly Tensor[]): Tensor[] {
  const nodes = new SharedNodes()
  return rebuild(narrowBarriers(roots), (node, inputs) => {
    let result = ruled(node, inputs)
    if (result === undefined) return nodes.share(node, inputs).outputs
    // A rule's result may itself simplify: reshape of reshape of reshape.
    for (let rounds = 0; rounds < 4; rounds++) {
      const again = ruled(result.node, result.node.inputs)
      if (again === undefined) break
      result = again
    }
    return [nodes.tensor(result)]
  })
}

function ruled(node: Node, inputs: readonly Tensor[]): Tensor | undefined {
  const rule = rules[node.op] as Rule<OpName> | undefined
  return rule?.(node as unknown as Node<OpName>, inputs as readonly [Tensor, Tensor])
}

function simplifyBinary(node: Node<'binary'>, [a, b]: readonly [Tensor, Tensor]): Tensor | undefined {
  const { fn } = node.attrs
  const { shape, dtype } = node.outputs[0] as Tensor
  const [p, q] = [filledWith(a), filledWith(b)]
  if (p !== undefined && q !== undefined && dtype === 'f32')
    return constant(Math.fround(binaryFns[fn](Math.fround(p), Math.fround(q))), dtype, shape)
  const whole = (x: Tensor) => sameShape(x.shape, shape)
  if (q === 0 && (fn === 'add' || fn === 'sub') && whole(a)) return a
  if (p === 0 && fn === 'add' && whole(b)) return b
  if (q === 1 && (fn === 'mul' || fn === 'div') && whole(a)) return a
  if (p === 1 && fn === 'mul' && whole(b)) return b
  // A filled constant needs no shape of its own: keep it a scalar, so that equal ones merge and nothing is materialised.
  if (q !== undefined && b.shape.length > 0 && whole(a)) return rebuildBinary(node, a, constant(q, b.dtype))
  if (p !== undefined && a.shape.length > 0 && whole(b)) return rebuildBinary(node, constant(p, a.dtype), b)
  // (reshape x) + (reshape y) -> reshape (x + y), so that sums of products meet in two axes and can accumulate in place.
  const [ra, rb] = [a.node, b.node]
  if ((fn === 'add' || fn === 'mul') && isOp(ra, 'reshape') && isOp(rb, 'reshape') && sameShape(a.shape, b.shape)) {
    const [x, y] = [ra.inputs[0] as Tensor, rb.inputs[0] as Tensor]
    if (sameShape(x.shape, y.shape)) return reshape(fn === 'add' ? add(x, y) : mul(x, y), shape)
  }
  return undefined
}

function rebuildBinary(node: Node<'binary'>, a: Tensor, b: Tensor): Tensor {
  return withInputs(node as unknown as Node, [a, b]).outputs[0] as Tensor
}

function untransposed(x: Tensor): Tensor | undefined {
  const rank = x.shape.length
  const { node } = x
  if (!isOp(node, 'permute')) return undefined
  const swapped = node.attrs.order.every(
    (axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i),
  )
  return swapped ? node.inputs[0] : undefined
}

/** Whether a float dtype holds every value of another one. */
function holdsAll(wide: DType, narrow: DType): boolean {
  return (wide === 'f64' && isFloat(narrow)) || (wide === 'f32' && (narrow === 'f16' || narrow === 'bf16'))
}

/** What a constant of this number and dtype holds. */
function stored(value: number, dtype: DType): number {
  return toFloat64(hostTensor(dtype, [], [value]))[0] as number
}
