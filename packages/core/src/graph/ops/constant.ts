/** Values known when the graph is built: one number everywhere, or a small array. Large data belongs in weights or feeds. */
import { type DType, type HostTensor, toFloat64 } from '../../dtype.js'
import { EspalierError } from '../../errors.js'
import { checkShape, type Shape, sizeOf } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `constant`. */
export const constantRule: OpRule<'constant'> = {
  infer(_, attrs, declared) {
    const { shape } = at(declared, 0)
    checkShape(shape, 'constant')
    if ('data' in attrs && attrs.data.length !== sizeOf(shape)) {
      throw new EspalierError('shape.mismatch', {
        what: 'constant data do not fill the shape',
        got: { shape, values: attrs.data.length },
      })
    }
    return declared
  },
  reference(node, _, [y]) {
    const { attrs } = node
    if (y === undefined) return
    if ('value' in attrs) y.fill(attrs.value)
    else {
      const spec = at(node.outputs, 0)
      y.set(spec.dtype === 'f16' || spec.dtype === 'bf16' ? toFloat64({ ...spec, data: attrs.data }) : attrs.data)
    }
  },
}

/** A tensor filled with one number; a scalar unless a shape is given. */
export function constant(value: number, dtype: DType = 'f32', shape: Shape = []): Tensor {
  return applySingle('constant', constantRule, [], { value }, [{ dtype, shape }])
}

/** A tensor with the given values. */
export function constantTensor(tensor: HostTensor): Tensor {
  return applySingle('constant', constantRule, [], { data: tensor.data }, [
    { dtype: tensor.dtype, shape: tensor.shape },
  ])
}

/** Zeros of a tensor's dtype and shape. */
export function zerosLike(x: Tensor): Tensor {
  return constant(0, x.dtype, x.shape)
}

/** The number that fills a constant, when the tensor is one. */
export function filledWith(x: Tensor): number | undefined {
  const attrs = x.node.attrs as { readonly value?: number }
  return x.node.op === 'constant' ? attrs.value : undefined
}
