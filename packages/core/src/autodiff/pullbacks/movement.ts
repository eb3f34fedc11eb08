/** Pullbacks of ops that move, repeat or pick elements: each is the transposed movement. */
import { isFloat } from '../../dtype.js'
import { add, mul } from '../../graph/ops/binary.js'
import { cast } from '../../graph/ops/cast.js'
import { constant } from '../../graph/ops/constant.js'
import { gatherRows } from '../../graph/ops/gather-rows.js'
import { iota } from '../../graph/ops/iota.js'
import { pad } from '../../graph/ops/pad.js'
import { permute } from '../../graph/ops/permute.js'
import { reshape } from '../../graph/ops/reshape.js'
import { scatterAddRows } from '../../graph/ops/scatter-add-rows.js'
import { select } from '../../graph/ops/select.js'
import { slice, sliceAxis } from '../../graph/ops/slice.js'
import { writeRows } from '../../graph/ops/write-rows.js'
import type { Tensor } from '../../graph/tensor.js'
import { sizeOf } from '../../shape.js'
import { type Pullback, single, sumTo } from '../pullback.js'

/** Pullback of `reshape`. */
export const reshapePullback = single<'reshape'>((g, _, [x]) => [reshape(g, x.shape)])

/** Pullback of `permute`. */
export const permutePullback = single<'permute'>((g, node) => {
  const inverse = new Array<number>(node.attrs.order.length)
  node.attrs.order.forEach((axis, i) => {
    inverse[axis] = i
  })
  return [permute(g, inverse)]
})

/** Pullback of `broadcast`. */
export const broadcastPullback = single<'broadcast'>((g, _, [x]) => [sumTo(g, x.shape)])

/** Pullback of `slice`. */
export const slicePullback = single<'slice'>((g, node, [x]) => [
  pad(
    g,
    node.attrs.starts,
    x.shape.map((extent, axis) => extent - (node.attrs.ends[axis] as number)),
  ),
])

/** Pullback of `pad`. */
export const padPullback = single<'pad'>((g, node, [x]) => [
  slice(
    g,
    node.attrs.before,
    x.shape.map((extent, axis) => extent + (node.attrs.before[axis] as number)),
  ),
])

/** Pullback of `concat`. */
export const concatPullback = single<'concat'>((g, node) => {
  const { axis } = node.attrs
  let start = 0
  return node.inputs.map((x) => {
    const end = start + (x.shape[axis] as number)
    const part = sliceAxis(g, axis, start, end)
    start = end
    return part
  })
})

/** Pullback of `select`. */
export const selectPullback = single<'select'>((g, _, [condition, a, b]) => [
  undefined,
  sumTo(select(condition, g, 0), a.shape),
  sumTo(select(condition, 0, g), b.shape),
])

/** Pullback of `cast`: none through integers and bool. */
export const castPullback = single<'cast'>((g, _, [x]) => [isFloat(x.dtype) ? cast(g, x.dtype) : undefined])

/** Pullback of `gatherRows`. */
export const gatherRowsPullback = single<'gatherRows'>((g, _, [table, indices]) => [
  scatterAddRows(indices, g, table.shape[0] as number),
  undefined,
])

/** Pullback of `scatterAddRows`. */
export const scatterAddRowsPullback = single<'scatterAddRows'>((g, _, [indices]) => [undefined, gatherRows(g, indices)])

/** Pullback of `gatherAlong`: the cotangents added into zeros at the flat positions they were read from. */
export const gatherAlongPullback = single<'gatherAlong'>((g, node, [x, indices]) => [
  scatterAlong(g, indices, x.shape, node.attrs.axis),
  undefined,
])

/** Pullback of `topK`: through the values only. */
export const topKPullback: Pullback<'topK'> = (node, [g]) => {
  const x = node.inputs[0] as Tensor
  return [g === undefined ? undefined : scatterAlong(g, node.outputs[1] as Tensor, x.shape, x.shape.length - 1)]
}

/** Pullback of `writeRows`: the buffer's cotangent without the written entries, and those entries. */
export const writeRowsPullback = single<'writeRows'>((g, node, inputs) => {
  const [, start, rows] = inputs
  const { axis } = node.attrs
  const extent = (node.outputs[0] as Tensor).shape[axis] as number
  const count = rows.shape[axis] as number
  const picked = add(cast(iota([count], 0), start.dtype), start)
  const moved = [axis, ...g.shape.map((_, i) => i).filter((i) => i !== axis)]
  const back = g.shape.map((_, i) => moved.indexOf(i))
  const front = permute(g, moved)
  const zeroed = writeRows(g, start, constant(0, g.dtype, rows.shape), axis)
  return extent === 0 ? [g, undefined, undefined] : [zeroed, undefined, permute(gatherRows(front, picked), back)]
})

/** Pullback of `barrier`: cotangents pass to the values. */
export const barrierPullback: Pullback<'barrier'> = (node, cotangents) =>
  node.inputs.map((_, i) => (i < node.attrs.count ? cotangents[i] : undefined))

function scatterAlong(g: Tensor, indices: Tensor, shape: readonly number[], axis: number): Tensor {
  // flat position = (outer * extent + index) * inner + rest
  const inner = sizeOf(shape.slice(axis + 1))
  const extent = shape[axis] as number
  const outer = sizeOf(shape.slice(0, axis))
  const count = indices.shape[axis] as number
  const block = [outer, count, inner]
  const index = reshape(cast(indices, 'i32'), block)
  const flat = add(mul(add(index, mul(iota(block, 0), extent)), inner), iota(block, 2))
  return reshape(scatterAddRows(flat, reshape(g, block), outer * extent * inner), shape)
}
