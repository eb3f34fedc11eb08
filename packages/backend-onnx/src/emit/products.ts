/** Matrix products, with what core's `productFusions` folds into them, and reductions. */
import {
  contractedSize,
  type FusedProduct,
  isFlatProduct,
  type ReduceFn,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
} from '@espalier/core'
import type { EmitOp } from './emit-op.js'
import { CONTRIB, type Emitter, ints, type NodeParts, rowsOf } from './emitter.js'

/** `matmul`. */
export const emitMatmul: EmitOp<'matmul'> = (e, node) => {
  emitProduct(e, { node, alpha: 1, sumsBatch: false }, node.outputs[0] as Tensor)
}

/** A product with all that is folded into it, as the value of `y`. */
export function emitProduct(e: Emitter, product: FusedProduct, y: Tensor): void {
  const { node, alpha } = product
  if (contractedSize(node) === 0) {
    e.set(y, e.scalar(y.dtype, 0), [])
    return
  }
  if (isFlatProduct(product)) {
    emitFlat(e, product, y)
    return
  }
  const { transposeA, transposeB } = node.attrs
  const [a, b] = node.inputs.map((x) => matrices(e, x)) as [string, string]
  if (y.dtype === 'f64') {
    const [ranksA, ranksB] = node.inputs.map((x) => x.shape.length) as [number, number]
    e.set(y, e.one('MatMul', [transposeA ? swapped(e, a, ranksA) : a, transposeB ? swapped(e, b, ranksB) : b]))
    return
  }
  const plain = !transposeA && !transposeB && alpha === 1
  const attributes: NodeParts['attributes'] = {
    ...ints({ transA: Number(transposeA), transB: Number(transposeB) }),
    alpha: { float: alpha },
  }
  e.set(y, e.rounded(plain ? e.one('MatMul', [a, b]) : e.one('FusedMatMul', [a, b], attributes, CONTRIB), y.dtype))
}

function emitFlat(e: Emitter, { node, alpha, addend, sumsBatch }: FusedProduct, y: Tensor): void {
  const { transposeA, transposeB } = node.attrs
  const [a, b] = node.inputs as readonly [Tensor, Tensor]
  const flat = (x: Tensor) => e.inShape(x, rowsOf(x.shape))
  // A batch of one on either side has as many rows as the matrix; more rows only where nothing is transposed, or summed over.
  const [left, right] = [flat(a), flat(b)]
  const matrix = rowsOf(y.shape)
  const inputs = addend === undefined ? [left, right] : [left, right, addendOf(e, addend, y, matrix)]
  const result = e.one('Gemm', inputs, {
    ...ints({ transA: Number(transposeA || sumsBatch), transB: Number(transposeB) }),
    alpha: { float: alpha },
  })
  e.set(y, e.rounded(result, y.dtype), matrix)
}

function addendOf(e: Emitter, addend: Tensor, y: Tensor, matrix: Shape): string {
  const { name, shape } = e.value(addend)
  if (shape.length <= 1 && y.shape.length >= 1) return name
  return addend.shape.length <= 1 ? e.full(addend) : e.inShape(addend, matrix)
}

// Repeated batches need not be materialised, only the matrices themselves.
function matrices(e: Emitter, x: Tensor): string {
  const { name, shape } = e.value(x)
  return shape.length >= 2 && sameShape(shape.slice(-2), x.shape.slice(-2)) ? name : e.full(x)
}

function swapped(e: Emitter, name: string, rank: number): string {
  const order = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis))
  return e.one('Transpose', [name], { perm: { ints: order } })
}

const reduceNames: { readonly [F in ReduceFn]: string } = { sum: 'ReduceSum', max: 'ReduceMax', min: 'ReduceMin' }
const overNothing: { readonly [F in ReduceFn]: number } = { sum: 0, max: -Infinity, min: Infinity }

/** `reduce`. */
export const emitReduce: EmitOp<'reduce'> = (e, node, [x]) => {
  const { fn, axes, keepDims } = node.attrs
  const y = node.outputs[0] as Tensor
  if (sizeOf(x.shape) === 0) e.set(y, e.scalar(y.dtype, overNothing[fn]), [])
  else {
    const ofRows = keepDims && axes.length === 1 && axes[0] === x.shape.length - 1 && e.isInRows(x)
    const inputs = ofRows ? [e.value(x).name, e.list([1])] : [e.full(x), e.list(axes)]
    const reduced = e.rounded(e.one(reduceNames[fn], inputs, ints({ keepdims: Number(keepDims) })), y.dtype)
    e.set(y, reduced, ofRows ? rowsOf(y.shape) : y.shape)
  }
}
