/**
 * Sums, largest and smallest values along axes.
 *
 * Computes: y[o] = f over the reduced axes of x. Cases: f32 (and 16-bit floats, with f32 sums) and i32; a thread for each result where it
 * has few terms, a workgroup where it has many, whose partial results meet in a tree. The order of terms depends on shapes alone. The
 * result is 32 bits wide. Cost: one pass over x.
 */
import { type DType, type ReduceFn, type Shape, sizeOf, stridesOf } from '@espalier/core'
import { type KernelUse, perThread } from './kernel.js'
import { axesOf, axesParams } from './strides.js'
import { encoded, OFFSET, Params, reader, registerOf, shader, THREADS } from './wgsl.js'

const FEW = 64 // terms that one thread adds up; more would lose digits in f32, and leave other threads idle

/** y, x. */
export function reduceKernel(fn: ReduceFn, stored: DType, shape: Shape, axes: readonly number[]): KernelUse {
  const strides = stridesOf(shape)
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const along = (list: readonly number[]) =>
    axesOf(
      list.map((axis) => shape[axis] as number),
      list.map((axis) => strides[axis] as number),
    )
  const extents = (list: readonly number[]) => sizeOf(list.map((axis) => shape[axis] as number))
  const results = extents(kept)
  const terms = extents(axes)
  const params = new Params()
  params.add(results, terms)
  const ofResult = params.add(...axesParams(along(kept)))
  const ofTerm = params.add(...axesParams(along(axes)))
  const register = registerOf(stored)
  const inGroup = terms > FEW
  const start = fn === 'sum' ? `${register}(0)` : 'element(base)'
  const join = (a: string, b: string) => (fn === 'sum' ? `${a} + ${b}` : `${fn}(${a}, ${b})`)
  const [from, step] = inGroup ? ['local', `${THREADS}u`] : ['0u', '1u']
  const loop = `  if (index >= param(0u)) { return; }
  let base = offset(index, ${ofResult}u);
  var total = ${start};
  for (var term = ${from}; term < param(1u); term += ${step}) {
    total = ${join('total', `element(base + offset(term, ${ofTerm}u))`)};
  }`
  const tree = `  partial[local] = total;
  workgroupBarrier();
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    if (local < half) { partial[local] = ${join('partial[local]', 'partial[local + half]')}; }
    workgroupBarrier();
  }
  if (local == 0u) { y[index] = ${encoded('partial[0]', register).code}; }`
  const source = shader({
    buffers: ['y', 'x'],
    params,
    functions: [
      reader('element', 'x', stored),
      OFFSET,
      ...(inGroup ? [`var<workgroup> partial: array<${register}, ${THREADS}>;`] : []),
    ],
    perGroup: inGroup,
    body: `${loop}\n${inGroup ? tree : `  y[index] = ${encoded('total', register).code};`}`,
  })
  const name = `reduce.${fn}`
  if (!inGroup) return perThread(name, source, params.done(), results)
  return { kernel: { name, source }, params: params.done(), groups: results }
}
