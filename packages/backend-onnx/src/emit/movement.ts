/** Ops that make or move elements without computing: constants, iota, reshape, permute, broadcast, slice, pad, concat, barrier. */
import {
  type DType,
  type HostArray,
  hostArray,
  hostTensor,
  type Node,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
  toFloat32,
  toFloat64,
} from '@espalier/core'
import type { EmitOp } from './emit-op.js'
import { type Emitter, held, ints, rowsOf } from './emitter.js'
import type { Split } from './splits.js'

/** `constant`: a number stays a scalar until somebody needs it in full. */
export const emitConstant: EmitOp<'constant'> = (e, node) => {
  const y = node.outputs[0] as Tensor
  if ('value' in node.attrs) e.set(y, e.scalar(y.dtype, heldNumber(node.attrs.value, y.dtype)), [])
  else {
    const tensor = { dtype: y.dtype, shape: y.shape, data: node.attrs.data }
    e.set(y, e.constant(held(y.dtype), y.shape, held(y.dtype) === 'f32' ? toFloat32(tensor) : node.attrs.data))
  }
}

const LONGEST_TABLE = 1 << 16 // longer counts are made at run time

/** `iota`: a count along one axis, repeated along the others by broadcasting. */
export const emitIota: EmitOp<'iota'> = (e, node) => {
  const y = node.outputs[0] as Tensor
  const { axis } = node.attrs
  const extent = y.shape[axis] as number
  const shape = [extent, ...y.shape.slice(axis + 1).map(() => 1)]
  if (extent <= LONGEST_TABLE) {
    const values: HostArray = hostArray(held(y.dtype) as DType, extent)
    for (let i = 0; i < extent; i++) values[i] = heldNumber(i, y.dtype)
    e.set(y, e.constant(held(y.dtype), shape, values), shape)
    return
  }
  const counted = e.one('Range', [e.scalar('i64', 0), e.scalar('i64', extent), e.scalar('i64', 1)])
  e.set(y, e.reshaped(e.rounded(e.cast(counted, held(y.dtype)), y.dtype), [extent], shape), shape)
}

/** `reshape`: between a tensor and the matrix of its rows nothing happens until somebody needs it in full. */
export const emitReshape: EmitOp<'reshape'> = (e, node, [x]) => {
  const y = node.outputs[0] as Tensor
  const { name, shape } = e.value(x)
  if (y.shape.length > 1 && sameShape(shape, rowsOf(y.shape))) e.set(y, name, shape)
  else e.set(y, e.inShape(x, y.shape))
}

/** `permute`. */
export const emitPermute: EmitOp<'permute'> = (e, node, [x]) => {
  e.set(node.outputs[0] as Tensor, e.one('Transpose', [e.full(x)], { perm: { ints: node.attrs.order } }))
}

/** `broadcast`: nothing happens until somebody needs it in full. */
export const emitBroadcast: EmitOp<'broadcast'> = (e, node, [x]) => {
  const { name, shape } = e.isInRows(x) ? { name: e.full(x), shape: x.shape } : e.value(x)
  e.set(node.outputs[0] as Tensor, name, shape)
}

/** `slice`. */
export const emitSlice: EmitOp<'slice'> = (e, node, [x]) => {
  const { starts, ends } = node.attrs
  const axes = x.shape.map((_, axis) => axis).filter((axis) => starts[axis] !== 0 || ends[axis] !== x.shape[axis])
  const pick = (list: readonly number[]) => e.list(axes.map((axis) => list[axis] as number))
  e.set(node.outputs[0] as Tensor, e.one('Slice', [e.full(x), pick(starts), pick(ends), e.list(axes)]))
}

/** A split, once: with the first of its slices that is reached. */
export function emitSplit(e: Emitter, { axis, slices }: Split, reached: Node): void {
  if (slices.some((slice) => e.has(slice.outputs[0] as Tensor))) return
  const [x] = reached.inputs as readonly [Tensor]
  const parts = slices.map((slice) => slice.outputs[0] as Tensor)
  const sizes = parts.map(({ shape }) => shape[axis] as number)
  const names = e.node('Split', [e.full(x), e.list(sizes)], { attributes: ints({ axis }), outputs: parts.length })
  parts.forEach((part, i) => {
    e.set(part, names[i] as string)
  })
}

/** `pad`. */
export const emitPad: EmitOp<'pad'> = (e, node, [x]) => {
  const y = node.outputs[0] as Tensor
  const value = heldNumber(node.attrs.value, y.dtype)
  if (sizeOf(x.shape) === 0) e.set(y, e.scalar(y.dtype, value), [])
  else
    e.set(y, e.one('Pad', [e.full(x), e.list([...node.attrs.before, ...node.attrs.after]), e.scalar(y.dtype, value)]))
}

/** `concat`: empty parts are left out. */
export const emitConcat: EmitOp<'concat'> = (e, node) => {
  const parts = node.inputs.filter((x) => sizeOf(x.shape) > 0).map((x) => e.full(x))
  const y = node.outputs[0] as Tensor
  e.set(y, parts.length === 1 ? (parts[0] as string) : e.one('Concat', parts, { axis: { int: node.attrs.axis } }))
}

/** `barrier`: each value passes through a Reshape, which copies nothing, whose shape is made from what must be finished before. */
export const emitBarrier: EmitOp<'barrier'> = (e, node) => {
  const { count } = node.attrs
  const after = node.inputs.slice(count).filter((x) => sizeOf(x.shape) > 0)
  const wait = after.length === 0 ? undefined : finished(e, after)
  node.outputs.forEach((y, i) => {
    const x = node.inputs[i] as Tensor
    if (sizeOf(y.shape) === 0) return
    const { name, shape } =
      wait === undefined ? e.value(x) : { name: gate(e, e.full(x), y.shape, wait), shape: y.shape }
    e.set(y, name, shape)
  })
}

// An empty list of numbers that exists once the values do: Shape's range 0 to 0.
function finished(e: Emitter, values: readonly Tensor[]): string {
  const empty = values.map((x) => e.one('Shape', [e.value(x).name], { start: { int: 0 }, end: { int: 0 } }))
  return empty.length === 1 ? (empty[0] as string) : e.one('Concat', empty, { axis: { int: 0 } })
}

function gate(e: Emitter, name: string, shape: Shape, wait: string): string {
  return e.one('Reshape', [name, e.one('Concat', [wait, e.list(shape)], { axis: { int: 0 } })])
}

function heldNumber(value: number, dtype: DType): number {
  if (dtype !== 'f16' && dtype !== 'bf16') return value
  return toFloat64(hostTensor(dtype, [1], [value]))[0] as number
}
