/** Counting along an axis. */
import type { DType } from '../../dtype.js'
import { checkShape, normalizeAxis, type Shape, stridesOf } from '../../shape.js'
import { applySingle, at, FLOATS, INTEGERS, type OpRule, requireDType } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `iota`: each element is its index along the axis. */
export const iotaRule: OpRule<'iota'> = {
  infer(_, attrs, declared) {
    requireDType(at(declared, 0).dtype, [...FLOATS, ...INTEGERS], 'iota')
    checkShape(at(declared, 0).shape, 'iota')
    normalizeAxis(attrs.axis, at(declared, 0).shape.length, 'iota')
    return declared
  },
  reference(node, _, [y]) {
    if (y === undefined) return
    const { shape } = at(node.outputs, 0)
    const stride = at(stridesOf(shape), node.attrs.axis)
    const extent = at(shape, node.attrs.axis)
    for (let i = 0; i < y.length; i++) y[i] = Math.floor(i / stride) % extent
  },
}

/** Index along `axis`: 0, 1, 2... */
export function iota(shape: Shape, axis: number, dtype: DType = 'i32'): Tensor {
  return applySingle('iota', iotaRule, [], { axis: normalizeAxis(axis, shape.length, 'iota') }, [{ dtype, shape }])
}
