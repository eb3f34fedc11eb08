/** Shapes as tuples of sizes, outermost first, and the arithmetic on them: sizes, strides, broadcasting. */
import { EspalierError } from './errors.js'

/** Sizes of each axis, outermost first; `[]` is a scalar. Every size is a whole number from 0 on. */
export type Shape = readonly number[]

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1
  for (const extent of shape) size *= extent
  return size
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis] as number
  }
  return strides
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis])
}

/** The common shape of two broadcast shapes by NumPy's rule. Throws shape.mismatch, naming the operation. */
export function broadcastShapes(a: Shape, b: Shape, operation: string): number[] {
  const rank = Math.max(a.length, b.length)
  const result = new Array<number>(rank)
  for (let axis = 0; axis < rank; axis++) {
    const left = a[a.length - rank + axis] ?? 1
    const right = b[b.length - rank + axis] ?? 1
    if (left !== right && left !== 1 && right !== 1) {
      throw new EspalierError('shape.mismatch', {
        what: `${operation} cannot broadcast two shapes together`,
        got: { a, b },
      })
    }
    result[axis] = left === 1 ? right : left
  }
  return result
}

/** Strides that read a tensor of `shape` as if it were broadcast to `to`: 0 along repeated axes. */
export function broadcastStrides(shape: Shape, to: Shape): number[] {
  const strides = stridesOf(shape)
  const offset = to.length - shape.length
  return to.map((extent, axis) => {
    const own = axis - offset
    return own < 0 || (shape[own] === 1 && extent !== 1) ? 0 : (strides[own] as number)
  })
}

/** An axis from -rank to rank - 1 as one from 0 on. Throws shape.mismatch outside that range. */
export function normalizeAxis(axis: number, rank: number, operation: string): number {
  const result = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || result < 0 || result >= rank) {
    throw new EspalierError('shape.mismatch', {
      what: `${operation} names an axis that the tensor does not have`,
      got: { axis, rank },
    })
  }
  return result
}

/** Throws shape.mismatch unless every size is a whole number from 0 on. */
export function checkShape(shape: Shape, operation: string): void {
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    throw new EspalierError('shape.mismatch', {
      what: `${operation} needs sizes that are whole numbers from 0 on`,
      got: { shape },
    })
  }
}
