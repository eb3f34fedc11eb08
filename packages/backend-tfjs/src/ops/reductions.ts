/** Sums, largest and smallest values along axes. */
import { sizeOf, type Tensor } from '@espalier/core'
import { heldIn } from '../host-values.js'
import type { TfNamespace, TfTensor } from '../tf-namespace.js'
import { outputOf, type StepRule } from './step-rule.js'

const OVER_NOTHING = { sum: 0, max: -Infinity, min: Infinity } as const
// Some kernels add one number after the other in f32, whose error grows with their count (wasm: 1 % at a million). Sums of sums of this
// many keep it near that of a few hundred.
const SUMMED_AT_ONCE = 256

/** `reduce`. */
export const reduceStep: StepRule<'reduce'> = ({ tf }, node) => {
  const { fn, axes, keepDims } = node.attrs
  const source = node.inputs[0] as Tensor
  const y = outputOf(node)
  if (sizeOf(source.shape) === 0) return () => tf.fill([...y.shape], OVER_NOTHING[fn], heldIn(y.dtype))
  if (fn !== 'sum') return ([x]) => tf[fn](x as TfTensor, [...axes], keepDims)
  const count = axes.reduce((product, axis) => product * (source.shape[axis] as number), 1)
  // TensorFlow adds neighbours in a tree of its own; over outer axes it too adds one after the other.
  const inner = axes.every((axis, i) => axis === source.shape.length - axes.length + i)
  const asTree = inner && tf.getBackend() === 'tensorflow'
  if (count <= 2 * SUMMED_AT_ONCE || y.dtype === 'i32' || asTree)
    return ([x]) => tf.sum(x as TfTensor, [...axes], keepDims)
  return ([x]) => tf.tidy(() => tf.reshape(chunkedSum(tf, x as TfTensor, axes), [...y.shape]))
}

/** The sum along axes, in chunks; its shape is that of the kept axes. */
function chunkedSum(tf: TfNamespace, x: TfTensor, axes: readonly number[]): TfTensor {
  const first = axes[0] as number
  const last = axes[axes.length - 1] as number
  const adjacent = last - first + 1 === axes.length
  const kept = x.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]))
  const grouped = adjacent ? x : tf.transpose(x, [...kept, ...axes])
  const outer = adjacent ? sizeOf(x.shape.slice(0, first)) : sizeOf(kept.map((axis) => x.shape[axis] as number))
  const count = sizeOf(axes.map((axis) => x.shape[axis] as number))
  const inner = sizeOf(x.shape) / outer / count
  return sumOfMiddle(tf, tf.reshape(grouped, [outer, count, inner]), [outer, count, inner])
}

function sumOfMiddle(tf: TfNamespace, x: TfTensor, [outer, count, inner]: readonly [number, number, number]): TfTensor {
  if (count <= 2 * SUMMED_AT_ONCE) return tf.sum(x, [1])
  const chunks = Math.floor(count / SUMMED_AT_ONCE)
  const even = chunks * SUMMED_AT_ONCE
  const whole = even === count ? x : tf.slice(x, [0, 0, 0], [outer, even, inner])
  const partial = tf.sum(tf.reshape(whole, [outer * chunks, SUMMED_AT_ONCE, inner]), [1])
  const total = sumOfMiddle(tf, tf.reshape(partial, [outer, chunks, inner]), [outer, chunks, inner])
  if (even === count) return total
  return tf.add(total, tf.sum(tf.slice(x, [0, even, 0], [outer, count - even, inner]), [1]))
}
