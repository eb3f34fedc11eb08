/** Ops that address elements by position: gather, scatter, writeRows, topK, and the random bits of dropout. */
import { isOp, siteKey, sizeOf, type Tensor } from '@espalier/core'
import type { EmitOp } from './emit-op.js'
import { type Emitter, held, ints } from './emitter.js'

/** `gatherRows`. A table that is held in 16 bits is widened after its rows are picked. */
export const emitGatherRows: EmitOp<'gatherRows'> = (e, node, [table, indices]) => {
  const y = node.outputs[0] as Tensor
  const stored = e.stored(table)
  const picked = e.one('Gather', [stored ?? e.full(table), positions(e, indices)], ints({ axis: 0 }))
  e.set(y, stored === undefined ? picked : e.cast(picked, 'f32'))
}

/** `gatherAlong`. */
export const emitGatherAlong: EmitOp<'gatherAlong'> = (e, node, [x, indices]) => {
  e.set(
    node.outputs[0] as Tensor,
    e.one('GatherElements', [e.full(x), positions(e, indices)], ints({ axis: node.attrs.axis })),
  )
}

/** `scatterAddRows`. */
export const emitScatterAddRows: EmitOp<'scatterAddRows'> = (e, node, [indices, updates]) => {
  const y = node.outputs[0] as Tensor
  const via = y.dtype === 'u32' ? 'i32' : undefined // its low 32 bits are the same
  const zero = e.scalar(via ?? y.dtype, 0)
  if (sizeOf(updates.shape) === 0) return e.set(y, e.scalar(y.dtype, 0), [])
  const zeros = e.one('Expand', [zero, e.list(y.shape)])
  const at = e.reshaped(positions(e, indices), indices.shape, [...indices.shape, 1])
  const rows = via === undefined ? e.full(updates) : e.cast(e.full(updates), via)
  const added = e.one('ScatterND', [zeros, at, rows], { reduction: { string: 'add' } })
  e.set(y, via === undefined ? e.rounded(added, y.dtype) : e.cast(added, held(y.dtype)))
}

const TO_THE_END = 2 ** 31 - 1 // Slice stops at the end by itself

/** `writeRows` in its general form: what lies before, the rows, what lies behind. */
export const emitWriteRows: EmitOp<'writeRows'> = (e, node, [buffer, start, rows]) => {
  const y = node.outputs[0] as Tensor
  const { axis } = node.attrs
  if (sizeOf(rows.shape) === 0) {
    const { name, shape } = e.value(buffer)
    return e.set(y, name, shape)
  }
  // Slice takes any start; looked up in a list of those that fit, another one is an error.
  const starts = Array.from({ length: (buffer.shape[axis] as number) - (rows.shape[axis] as number) + 1 }, (_, i) => i)
  const first = e.one('Gather', [e.list(starts), e.reshaped(positions(e, start), start.shape, [1])], ints({ axis: 0 }))
  const behind = e.one('Add', [first, e.list([rows.shape[axis] as number])])
  const whole = e.full(buffer)
  const parts = [
    e.one('Slice', [whole, e.list([0]), first, e.list([axis])]),
    e.full(rows),
    e.one('Slice', [whole, behind, e.list([TO_THE_END]), e.list([axis])]),
  ]
  e.set(y, e.one('Concat', parts, ints({ axis })))
}

/** `topK`: ONNX Runtime puts the lowest index of equal entries first, as core asks. */
export const emitTopK: EmitOp<'topK'> = (e, node, [x]) => {
  const [values, indices] = e.node('TopK', [e.full(x), e.list([node.attrs.k])], {
    outputs: 2,
    attributes: ints({ axis: -1, largest: 1, sorted: 1 }),
  })
  e.set(node.outputs[0] as Tensor, values as string)
  e.set(node.outputs[1] as Tensor, e.cast(indices as string, 'i32'))
}

/** `randomBits`: mix32 of core's random.ts in 32-bit kernels; products go through i32, whose low 32 bits are the same. */
export const emitRandomBits: EmitOp<'randomBits'> = (e, node, [seed, index]) => {
  const y = node.outputs[0] as Tensor
  const { name, shape } = e.value(index)
  const offset = e.scalar('u32', Math.imul(node.attrs.site, 0x9e3779b9) >>> 0) // core's siteKey
  const key =
    isOp(seed.node, 'constant') && 'value' in seed.node.attrs
      ? e.scalar('u32', siteKey(seed.node.attrs.value, node.attrs.site))
      : mix32(e, e.cast(e.one('Add', [e.cast(e.full(seed), 'i32'), e.cast(offset, 'i32')]), 'u32'))
  e.set(y, mix32(e, e.one('BitwiseXor', [name, key])), shape)
}

function mix32(e: Emitter, value: string): string {
  const folded = (x: string, by: number) =>
    e.one('BitwiseXor', [x, e.one('BitShift', [x, e.scalar('u32', by)], { direction: { string: 'RIGHT' } })])
  const times = (x: string, factor: number) =>
    e.cast(e.one('Mul', [e.cast(x, 'i32'), e.scalar('i32', factor | 0)]), 'u32')
  return folded(times(folded(times(folded(value, 16), 0x7feb352d), 15), 0x846ca68b), 16)
}

// ONNX counts negative indices from the end. As u32 they are too large, and the runtime refuses them with the rest.
function positions(e: Emitter, indices: Tensor): string {
  const name = e.full(indices)
  return e.cast(indices.dtype === 'u32' ? name : e.cast(name, 'u32'), 'i64')
}
