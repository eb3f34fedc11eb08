/**
 * Ops that move elements as bits, whatever they mean: every thread makes a word of the result and fetches its lanes.
 *
 * Cases: permute, slice and broadcast are one walk through strides; pad, concat; a fill with one number. By bytes of an element: 1, 2 or 4.
 * Cost: one pass over the result and what of the input reaches it.
 */
import { byteSize, type DType, hostTensor, type Shape, sizeOf, stridesOf } from '@espalier/core'
import { type KernelUse, perThread } from './kernel.js'
import { axesOf, axesParams } from './strides.js'
import { bitsReader, constantBits, lanesOf, OFFSET, Params, shader, wordBody, wordsFor } from './wgsl.js'

/** Elements of x from a start on, walked through strides in the order of a shape. */
export function stridedKernel(stored: DType, shape: Shape, strides: readonly number[], start: number): KernelUse {
  const params = sized(stored, sizeOf(shape))
  params.add(start)
  params.add(...axesParams(axesOf(shape, strides)))
  return moved('strided', stored, shape, params, ['x'], [OFFSET], 'x_(param(1u) + offset(i, 2u))')
}

/** x with a border of one value. */
export function padKernel(
  stored: DType,
  own: Shape,
  before: readonly number[],
  shape: Shape,
  value: number,
): KernelUse {
  const params = sized(stored, sizeOf(shape))
  const strides = stridesOf(own)
  params.add(bitsOf(stored, value), shape.length)
  for (let axis = shape.length - 1; axis >= 0; axis--)
    params.add(shape[axis] as number, before[axis] as number, own[axis] as number, strides[axis] as number)
  const padded = `fn padded(i: u32) -> u32 {
  var rest = i;
  var sum = 0u;
  for (var axis = 0u; axis < param(2u); axis++) {
    let at = 3u + 4u * axis;
    let own = rest % param(at) - param(at + 1u);
    if (own >= param(at + 2u)) { return param(1u); }
    sum += own * param(at + 3u);
    rest /= param(at);
  }
  return x_(sum);
}`
  return moved('pad', stored, shape, params, ['x'], [padded], 'padded(i)')
}

/** Most parts of one concat kernel. */
export const CONCAT_PARTS = 6

/** Parts one after another along an axis. */
export function concatKernel(stored: DType, parts: readonly Shape[], axis: number, shape: Shape): KernelUse {
  const params = sized(stored, sizeOf(shape))
  params.add(sizeOf(shape.slice(axis)), ...parts.map((part) => sizeOf(part.slice(axis))))
  const cases = parts.map(
    (_, k) =>
      `  if (column < param(${k + 2}u)) { return x${k}_(row * param(${k + 2}u) + column); }\n  column -= param(${k + 2}u);`,
  )
  const joined = `fn joined(i: u32) -> u32 {
  let row = i / param(1u);
  var column = i % param(1u);
${cases.join('\n')}
  return 0u;
}`
  const names = parts.map((_, k) => `x${k}`)
  return moved('concat', stored, shape, params, names, [joined], 'joined(i)')
}

/** One number everywhere. */
export function fillKernel(stored: DType, shape: Shape, value: number): KernelUse {
  const params = sized(stored, sizeOf(shape))
  params.add(bitsOf(stored, value))
  return moved('fill', stored, shape, params, [], [], 'param(1u)')
}

function moved(
  name: string,
  stored: DType,
  shape: Shape,
  params: Params,
  buffers: readonly string[],
  functions: readonly string[],
  bits: string,
): KernelUse {
  const bytes = byteSize(stored)
  const source = shader({
    buffers: ['y', ...buffers],
    params,
    functions: [...buffers.map((x) => bitsReader(`${x}_`, x, bytes)), ...functions],
    body: wordBody(lanesOf(stored), '', mask(bits, bytes)),
  })
  return perThread(name, source, params.done(), wordsFor(stored, sizeOf(shape)))
}

// Lanes are joined by or: what a parameter holds beyond its lane must go.
function mask(bits: string, bytes: number): string {
  return bytes === 4 ? bits : `${bits} & ${bytes === 2 ? '0xffffu' : '0xffu'}`
}

/** Parameters that begin with the number of elements, or of words where these are the same. */
export function sized(stored: DType, size: number): Params {
  const params = new Params()
  params.add(lanesOf(stored) === 1 ? wordsFor(stored, size) : size)
  return params
}

/** The bits of one element with a value, as it lies. */
function bitsOf(stored: DType, value: number): number {
  const { data } = hostTensor(stored, [], [value])
  return stored === 'f32' ? constantBits(stored, value) : (data[0] as number) >>> 0
}
