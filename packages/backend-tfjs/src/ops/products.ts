/** Matrix products. */
import { broadcastShapes, type Shape, sameShape, sizeOf, type Tensor } from '@espalier/core'
import { heldIn } from '../host-values.js'
import type { TfTensor } from '../tf-namespace.js'
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
    given: { a, b },
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
  /** Shapes in which they come. */
  readonly given: { readonly a: Shape; readonly b: Shape }
  readonly transposeA: boolean
  readonly transposeB: boolean
}

// tfjs broadcasts a batch of one only; of others, some backends take the wrong matrices.
function batched({ tf }: StepContext, y: Tensor, { a, b, transposeA, transposeB, given }: Product): Step {
  const [batchA, batchB] = [a.slice(0, -2), b.slice(0, -2)]
  const fits = sameShape(batchA, batchB) || sizeOf(batchA) === 1 || sizeOf(batchB) === 1
  const batch = broadcastShapes(batchA, batchB, 'matmul')
  const shaped = (x: TfTensor, shape: Shape) => {
    const own = sameShape(x.shape, shape) ? x : tf.reshape(x, [...shape])
    const whole = [...batch, ...matrixOf(shape)]
    return fits || sameShape(shape, whole) ? own : tf.broadcastTo(own, whole)
  }
  if (fits && sameShape(a, given.a) && sameShape(b, given.b) && sameShape(y.shape, [...batch, ...y.shape.slice(-2)]))
    return ([x, w]) => tf.matMul(x as TfTensor, w as TfTensor, transposeA, transposeB)
  return ([x, w]) =>
    tf.tidy(() => {
      const product = tf.matMul(shaped(x as TfTensor, a), shaped(w as TfTensor, b), transposeA, transposeB)
      return sameShape(product.shape, y.shape) ? product : tf.reshape(product, [...y.shape])
    })
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
