/** Ops that address elements by position. */
import { type HostTensor, hostTensor, indexError, sizeOf, stridesOf, type Tensor } from '@espalier/core'
import { heldIn } from '../host-values.js'
import type { TfTensor } from '../tf-namespace.js'
import { checkedIndices } from './checked-indices.js'
import { onHost } from './on-host.js'
import { outputOf, type StepRule } from './step-rule.js'

/** `gatherRows`. */
export const gatherRowsStep: StepRule<'gatherRows'> = ({ tf }, node) => {
  const addressed = { op: node.op, size: (node.inputs[0] as Tensor).shape[0] as number, indices: 1 } as const
  return checkedIndices(tf, addressed, ([table, indices]) => tf.gather(table as TfTensor, indices as TfTensor, 0))
}

/** `gatherAlong`: a gather from the flattened tensor, whose positions are those of the indices' own coordinates along the other axes. */
export const gatherAlongStep: StepRule<'gatherAlong'> = ({ tf, constant }, node) => {
  const [source, picked] = node.inputs as readonly [Tensor, Tensor]
  const { axis } = node.attrs
  const start = constant(positionsWithout(axis, source.shape, picked.shape))
  const stride = constant(hostTensor('i32', [], [stridesOf(source.shape)[axis] as number]))
  const size = sizeOf(source.shape)
  const addressed = { op: node.op, size: source.shape[axis] as number, indices: 1 } as const
  return checkedIndices(tf, addressed, ([x, indices]) =>
    tf.tidy(() => tf.gather(tf.reshape(x as TfTensor, [size]), tf.add(start, tf.mul(indices as TfTensor, stride)), 0)),
  )
}

/** For each element of `picked`: its flat position in a tensor of shape `source`, the coordinate along the axis taken as 0. */
function positionsWithout(axis: number, source: readonly number[], picked: readonly number[]): HostTensor {
  const count = picked[axis] as number
  const inner = sizeOf(picked.slice(axis + 1))
  const rows = (source[axis] as number) * inner
  const data = Int32Array.from(
    { length: sizeOf(picked) },
    (_, i) => Math.floor(i / (count * inner)) * rows + (i % inner),
  )
  return hostTensor('i32', picked, data)
}

/** `scatterAddRows`: scatterND adds up what falls on one index, on every backend; wasm has no UnsortedSegmentSum. */
export const scatterAddRowsStep: StepRule<'scatterAddRows'> = ({ tf }, node) => {
  const [indices, updates] = node.inputs as readonly [Tensor, Tensor]
  const y = outputOf(node)
  const count = sizeOf(indices.shape)
  if (sizeOf(updates.shape) === 0) return () => tf.fill([...y.shape], 0, heldIn(y.dtype))
  const rows = y.shape[0] as number
  const width = sizeOf(y.shape.slice(1))
  return checkedIndices(tf, { op: node.op, size: rows, indices: 0 }, ([at, rest]) =>
    tf.tidy(() => {
      const places = tf.reshape(at as TfTensor, [count, 1])
      const added = tf.scatterND(places, tf.reshape(rest as TfTensor, [count, width]), [rows, width])
      return tf.reshape(added, [...y.shape])
    }),
  )
}

/** `writeRows`: what lies before, the rows, what lies behind. */
export const writeRowsStep: StepRule<'writeRows'> = ({ tf }, node) => {
  const [whole, , written] = node.inputs as readonly [Tensor, Tensor, Tensor]
  const { axis } = node.attrs
  const extent = whole.shape[axis] as number
  const count = written.shape[axis] as number
  if (count === 0) return ([buffer]) => tf.clone(buffer as TfTensor)
  const part = (buffer: TfTensor, from: number, to: number) =>
    tf.slice(
      buffer,
      whole.shape.map((_, i) => (i === axis ? from : 0)),
      whole.shape.map((size, i) => (i === axis ? to - from : size)),
    )
  return async ([buffer, at, rows]) => {
    const start = ((await (at as TfTensor).data()) as ArrayLike<number>)[0] as number
    if (start < 0 || start + count > extent) throw indexError(node.op, { start, count, extent })
    const assembled = () => {
      const parts = [
        ...(start > 0 ? [part(buffer as TfTensor, 0, start)] : []),
        rows as TfTensor,
        ...(start + count < extent ? [part(buffer as TfTensor, start + count, extent)] : []),
      ]
      return parts.length === 1 ? tf.clone(rows as TfTensor) : tf.concat(parts, axis)
    }
    return tf.keep(tf.tidy(assembled))
  }
}

/** `topK`: of equal entries, every tfjs puts the lowest index first, as core asks. Plain JavaScript compares by differences, which loses infinities: there core's own is used. */
export const topKStep: StepRule<'topK'> = (context, node) => {
  const { tf } = context
  const { k } = node.attrs
  if (tf.getBackend() === 'cpu' || tf.getBackend() === 'wasm') return onHost(context, node)
  return ([x]) => {
    const { values, indices } = tf.topk(x as TfTensor, k, true)
    return [values, indices]
  }
}

/** `randomBits`: bit operations, which tfjs lacks. */
export const randomBitsStep: StepRule<'randomBits'> = (context, node) => onHost(context, node)
