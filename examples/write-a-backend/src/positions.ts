/** Where elements lie: for each element of a shape, its place in an array that is read with other strides. */
import { broadcastStrides, type Shape, sizeOf } from '@espalier/core'

/** Places of the elements of `shape`, row-major, in an array with these strides. */
export function positions(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  const places = new Int32Array(sizeOf(shape))
  const index = new Array<number>(shape.length).fill(0)
  let place = start
  for (let i = 0; i < places.length; i++) {
    places[i] = place
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] as number
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      place -= (strides[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return places
}

/** Places in an array of `own` for each element of the shape that it broadcasts to. */
export function aligned(own: Shape, shape: Shape): Int32Array {
  return positions(shape, broadcastStrides(own, shape))
}
