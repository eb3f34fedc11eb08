/** Changing the dtype. Float to integer truncates towards zero; anything to bool is "not zero". */
import type { DType } from '../../dtype.js'
import { EspalierError } from '../../errors.js'
import { sameShape } from '../../shape.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `cast`. */
export const castRule: OpRule<'cast'> = {
  infer([x], _, declared) {
    const to = at(declared, 0)
    if (x === undefined || !sameShape(x.shape, to.shape)) {
      throw new EspalierError('shape.mismatch', { what: 'cast keeps the shape', got: { from: x?.shape, to: to.shape } })
    }
    return [to]
  },
  reference(node, inputs, [y]) {
    const x = at(inputs, 0)
    const { dtype } = at(node.outputs, 0)
    if (y === undefined) return
    if (dtype === 'bool') for (let i = 0; i < y.length; i++) y[i] = x[i] === 0 ? 0 : 1
    else if (dtype === 'i32' || dtype === 'u32' || dtype === 'u8' || dtype === 'i8')
      for (let i = 0; i < y.length; i++) y[i] = Math.trunc(x[i] as number)
    else y.set(x)
  },
}

/** The same values as another dtype; the tensor itself when it has that dtype. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : applySingle('cast', castRule, [x], {}, [{ dtype, shape: x.shape }])
}

/** A tensor of 16-bit floats in f32: what statistics, losses and adapters compute in. Any other one is itself. */
export function widened(x: Tensor): Tensor {
  return cast(x, widerThan(x.dtype))
}

/** The dtype that `widened` gives. */
export function widerThan(dtype: DType): DType {
  return dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype
}
