/** Ops that move elements or make them from nothing. */
import { filledWith, type HostTensor, hostArray, type Node, sizeOf, stridesOf, type Tensor } from '@espalier/core'
import { heldIn, toHeldValues } from '../host-values.js'
import type { TfTensor } from '../tf-namespace.js'
import { onHost } from './on-host.js'
import { refuseRank } from './refused-rank.js'
import { outputOf, type StepRule } from './step-rule.js'

/** `constant`: a fill, which a large one is at each run, or values, which the plan uploads once. */
export const constantStep: StepRule<'constant'> = ({ tf }, node) => {
  const y = outputOf(node)
  const held = heldIn(y.dtype)
  const value = filledWith(y)
  if (value === undefined) {
    const values = toHeldValues({ ...y, data: (node.attrs as { data: HostTensor['data'] }).data }, y.dtype, true)
    return () => tf.tensor(values, [...y.shape], held)
  }
  const stored = held === 'int32' ? value | 0 : value
  return () => tf.fill([...y.shape], stored, held)
}

/** `iota`. */
export const iotaStep: StepRule<'iota'> = ({ tf }, node) => {
  const y = outputOf(node)
  return () => tf.tensor(toHeldValues(counted(node), y.dtype, false), [...y.shape], heldIn(y.dtype))
}

/** `reshape`. */
export const reshapeStep: StepRule<'reshape'> = ({ tf }, node) => {
  const shape = [...outputOf(node).shape]
  return ([x]) => tf.reshape(x as TfTensor, shape)
}

/** `permute`. */
export const permuteStep: StepRule<'permute'> = ({ tf }, node) => {
  const order = [...node.attrs.order]
  return ([x]) => (order.length < 2 ? tf.clone(x as TfTensor) : tf.transpose(x as TfTensor, order))
}

/** `broadcast`. */
export const broadcastStep: StepRule<'broadcast'> = ({ tf }, node) => {
  const shape = [...outputOf(node).shape]
  return ([x]) => tf.broadcastTo(x as TfTensor, shape)
}

/** `slice`. */
export const sliceStep: StepRule<'slice'> = ({ tf }, node) => {
  const { starts } = node.attrs
  const size = [...outputOf(node).shape]
  return ([x]) => (size.length === 0 ? tf.clone(x as TfTensor) : tf.slice(x as TfTensor, [...starts], size))
}

/** `pad`. */
export const padStep: StepRule<'pad'> = (context, node) => {
  const { tf } = context
  const { before, after, value } = node.attrs
  const y = outputOf(node)
  const paddings = before.map((count, axis): [number, number] => [count, after[axis] as number])
  const source = node.inputs[0] as Tensor
  const held = heldIn(y.dtype)
  if (sizeOf(source.shape) === 0) return () => tf.fill([...y.shape], held === 'int32' ? value | 0 : value, held)
  // wasm takes the value as f32
  if (held === 'int32' && Math.abs(value) > 2 ** 24) return onHost(context, node)
  // wasm looks for an earlier pad by its value, and to it NaN is any other: that pad's value comes back, or later ones give NaN.
  if (Number.isNaN(value) && tf.getBackend() === 'wasm') return onHost(context, node)
  refuseRank(tf, 'pad', y.shape)
  return ([x]) => (paddings.length === 0 ? tf.clone(x as TfTensor) : tf.pad(x as TfTensor, paddings, value))
}

/** `concat`; parts without elements are left out. */
export const concatStep: StepRule<'concat'> = ({ tf }, node) => {
  const { axis } = node.attrs
  const filled = node.inputs.flatMap((x, i) => (sizeOf(x.shape) > 0 ? [i] : []))
  return (inputs) => {
    const parts = filled.map((i) => inputs[i] as TfTensor)
    return parts.length === 1 ? tf.clone(parts[0] as TfTensor) : tf.concat(parts, axis)
  }
}

/** `barrier`: steps run in order, so there is nothing to wait for. */
export const barrierStep: StepRule<'barrier'> = ({ tf }, node) => {
  const { count } = node.attrs
  return (inputs) => inputs.slice(0, count).map((x) => tf.clone(x))
}

/** The values of an `iota`. */
export function counted(node: Node<'iota'>): HostTensor {
  const { dtype, shape } = outputOf(node)
  const data = hostArray(dtype, sizeOf(shape))
  const { axis } = node.attrs
  const stride = stridesOf(shape)[axis] as number
  const extent = shape[axis] as number
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / stride) % extent
  return { dtype, shape, data }
}
