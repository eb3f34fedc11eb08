/** Tensors one after another along an axis. */
import { EspalierError } from '../../errors.js'
import { normalizeAxis, sizeOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `concat`: equal dtypes, and equal sizes on all other axes. */
export const concatRule: OpRule<'concat'> = {
  infer(inputs, { axis }) {
    const first = at(inputs, 0)
    const fits = inputs.every(
      (x) =>
        x.dtype === first.dtype &&
        x.shape.length === first.shape.length &&
        x.shape.every((extent, i) => i === axis || extent === first.shape[i]),
    )
    if (!fits) {
      throw new EspalierError('shape.mismatch', {
        what: 'concat needs one dtype and equal sizes on the other axes',
        got: { axis, shapes: inputs.map((x) => x.shape), dtypes: inputs.map((x) => x.dtype) },
      })
    }
    const total = inputs.reduce((sum, x) => sum + (x.shape[axis] as number), 0)
    return [{ dtype: first.dtype, shape: first.shape.map((extent, i) => (i === axis ? total : extent)) }]
  },
  reference(node, inputs, [y]) {
    const { axis } = node.attrs
    const { shape } = at(node.outputs, 0)
    const outer = sizeOf(shape.slice(0, axis))
    const row = sizeOf(shape.slice(axis))
    let offset = 0
    inputs.forEach((x, i) => {
      const width = sizeOf(at(node.inputs, i).shape.slice(axis))
      for (let o = 0; o < outer; o++) y?.set(x.subarray(o * width, (o + 1) * width), o * row + offset)
      offset += width
    })
  },
}

/** The tensors one after another along an axis. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0]
  if (first === undefined) throw new EspalierError('shape.mismatch', { what: 'concat needs one tensor or more' })
  return tensors.length === 1
    ? first
    : applySingle('concat', concatRule, tensors, { axis: normalizeAxis(axis, first.shape.length, 'concat') })
}
