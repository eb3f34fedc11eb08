/** Reading a tensor through strides: the loop behind permute, broadcast and slice in the reference executor. */
import type { Values } from '../op-rule.js'

/** Fills `to`, of the given shape, from `from` read with `strides` starting at `offset`. */
export function copyStrided(
  from: Values,
  to: Values,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): void {
  const counter = new Array<number>(shape.length).fill(0)
  let source = offset
  for (let i = 0; i < to.length; i++) {
    to[i] = from[source] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis] as number
      const count = (counter[axis] as number) + 1
      counter[axis] = count
      if (count < (shape[axis] as number)) break
      source -= (strides[axis] as number) * (shape[axis] as number)
      counter[axis] = 0
    }
  }
}
