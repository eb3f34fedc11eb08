/** Pullbacks of reductions: a sum repeats its cotangent; max and min share it among the entries that attain the value. */
import { div, mul } from '../../graph/ops/binary.js'
import { broadcast } from '../../graph/ops/broadcast.js'
import { cast } from '../../graph/ops/cast.js'
import { equal } from '../../graph/ops/compare.js'
import { reduceSum } from '../../graph/ops/reduce.js'
import { reshape } from '../../graph/ops/reshape.js'
import type { Tensor } from '../../graph/tensor.js'
import { single } from '../pullback.js'

/** Pullback of `reduce`. */
export const reducePullback = single<'reduce'>((g, node, [x]) => {
  const { fn, axes } = node.attrs
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
  const wide = reshape(g, kept)
  if (fn === 'sum') return [broadcast(wide, x.shape)]
  const attains = cast(equal(x, reshape(node.outputs[0] as Tensor, kept)), x.dtype)
  return [mul(attains, div(wide, reduceSum(attains, { axes, keepDims: true })))]
})
