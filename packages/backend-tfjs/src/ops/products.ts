/** Matrix products. */
import { broadcastShapes, type Shape, sameShape, sizeOf, type Tensor } from '@espalier/core'
import { heldIn } from '../host-values.js'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'
import { outputOf, type Step, type StepContext, type StepRule } from './step-rule.js'

/** `matmul`. */
export const matmulStep: StepRule<'matmul'> = (context, node) => {
  const { transposeA, transposeB } = node.attrs
  const [a, b] = node.inputs.map(({ shape }) => shape) as [Shape, Shape]
  const y = outputOf(node)
  if (a[transposeA ? a.length - 2 : a.length - 1] === 0) return () => context.tf.fill([...y.shape], 0, heldIn(y.dtype))
  const rank = y.shape.length
  const batchA = batchOf(a, rank)
  const batchB = batchOf(b, rank)
  // Trailing batch axes that the right side does not have are rows of the left: one larger product instead of many on copies.
  let kept = rank - 2
  if (!transposeA) while (kept > 0 && batchB[kept - 1] === 1) kept--
  return batched(context, y, {
    a: [...batchA.slice(0, kept), ...(kept === rank - 2 ? matrixOf(a) : rowsOf(batchA.slice(kept), matrixOf(a)))],
    b: [...batchB.slice(0, kept), ...matrixOf(b)],
    transposeA,
    transposeB,
  })
}

interface Product {
  /** Shapes in which the two sides are multiplied; their batch axes are as many. */
  readonly a: Shape
  readonly b: Shape
  readonly transposeA: boolean
  readonly transposeB: boolean
}

// tfjs broadcasts a batch of one only; of others, some backends take the wrong matrices.
function batched({ tf }: StepContext, y: Tensor, { a, b, transposeA, transposeB }: Product): Step {
  const [batchA, batchB] = [a.slice(0, -2), b.slice(0, -2)]
  const fits = sameShape(batchA, batchB) || sizeOf(batchA) === 1 || sizeOf(batchB) === 1
  const batch = broadcastShapes(batchA, batchB, 'matmul')
  const multiply = multiplierOf(tf, { a, b, transposeA, transposeB })
  const shaped = (x: TfTensor, shape: Shape) => {
    const own = sameShape(x.shape, shape) ? x : tf.reshape(x, [...shape])
    const whole = [...batch, ...matrixOf(shape)]
    return fits || sameShape(shape, whole) ? own : tf.broadcastTo(own, whole)
  }
  return ([x, w]) =>
    tf.tidy(() => {
      const product = multiply(shaped(x as TfTensor, a), shaped(w as TfTensor, b))
      return sameShape(product.shape, y.shape) ? product : tf.reshape(product, [...y.shape])
    })
}

type Multiply = (x: TfTensor, w: TfTensor) => TfTensor

/**
 * How the two sides are multiplied. Measured once, the best of four on a busy machine, at (128 x 576) by (49152 x 576) transposed, GFLOP/s: on wasm 1 with the flag, 5 with the
 * weight transposed first, 14 as below; on TensorFlow's CPU 6, 5 and 22. GPUs read either side transposed at no cost.
 */
function multiplierOf(tf: TfNamespace, { a, b, transposeA, transposeB }: Product): Multiply {
  const name = tf.getBackend()
  const wasm = name === 'wasm'
  const onHost = wasm || (name === 'tensorflow' && tf.engine().backend?.isUsingGpuDevice !== true)
  const rows = a[a.length - 2] as number
  const columns = b[b.length - 2] as number
  // Activations times a weight that is stored transposed: the weight goes first, as it lies, and only small sides are transposed.
  if (onHost && transposeB && !transposeA && a.length === 2 && b.length === 2 && rows > 1 && columns >= rows)
    return (x, w) => swapped(tf, tf.matMul(w, swapped(tf, x)))
  if (wasm && a.length === 2 && b.length === 2 && (transposeA || transposeB))
    return (x, w) => tf.matMul(transposeA ? swapped(tf, x) : x, transposeB ? swapped(tf, w) : w)
  return (x, w) => tf.matMul(x, w, transposeA, transposeB)
}

function swapped(tf: TfNamespace, x: TfTensor): TfTensor {
  const rank = x.shape.length
  return tf.transpose(
    x,
    x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  )
}

function batchOf(shape: Shape, rank: number): number[] {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape.slice(0, -2)]
}

function matrixOf(shape: Shape): Shape {
  return shape.slice(-2)
}

function rowsOf(batch: Shape, [rows, columns]: Shape): Shape {
  return [sizeOf(batch) * (rows as number), columns as number]
}
