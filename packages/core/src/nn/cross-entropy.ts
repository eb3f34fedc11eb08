/**
 * Next-token cross-entropy over counted positions only, in blocks of rows, so that full logits never exist. The forward returns the
 * cotangent of the hidden states too, so the projection is not done twice.
 */
import { add, mul, sub } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast, widened, widerThan } from '../graph/ops/cast.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { gatherAlong } from '../graph/ops/gather-along.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { matmul } from '../graph/ops/matmul.js'
import { reduceMax, reduceMean, reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { scatterAddRows } from '../graph/ops/scatter-add-rows.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { log } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { capped, cappedSlope } from './attention-scores.js'
import { softmax } from './softmax.js'

/** How targets are read. */
export interface TargetOptions {
  /** Share of each target that is spread evenly over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number
}

/** Constants: rows whose logits exist at a time, what caps logits, to softCap * tanh(logit / softCap), and how targets are read. */
export interface CrossEntropyAttributes extends TargetOptions, Readonly<Record<string, unknown>> {
  readonly block: number
  readonly softCap?: number
}

const ROWS_AT_A_TIME = 128 // 128 x 49,152 logits are 25 MB; a CPU's products were as fast as with 256, and C heaps give blocks above 32 MB back at once

/**
 * Call `crossEntropy`: inputs hidden (rows, size), weight (vocabulary, size), targets (rows) i32, weights (rows) f32; outputs the weighted
 * sum of -log p(target), or of smoothed targets, its derivative by hidden (rows, size) and by weight (vocabulary, size). Hidden and weight have one dtype, which
 * the products and the derivatives have; of f16 the loss is f32, from f32 logits. Unused outputs cost nothing once inlined.
 */
export const crossEntropyCall: CallDefinition<CrossEntropyAttributes> = {
  name: 'crossEntropy',
  body(inputs, attributes) {
    const { block, softCap, labelSmoothing = 0 } = attributes
    const [hidden, weight, targets, weights] = inputs as [Tensor, Tensor, Tensor, Tensor]
    const [rows, vocabulary] = [hidden.shape[0] as number, weight.shape[0] as number]
    if (rows === 0)
      return [
        constant(0, widerThan(hidden.dtype)),
        constant(0, hidden.dtype, hidden.shape),
        constant(0, weight.dtype, weight.shape),
      ]
    const losses: Tensor[] = []
    const dHidden: Tensor[] = []
    let dWeight: Tensor | undefined
    for (let start = 0; start < rows; start += block) {
      const end = Math.min(start + block, rows)
      const part = (x: Tensor) => sliceAxis(x, 0, start, end)
      const [h, target, share] = [part(hidden), part(targets), reshape(part(widened(weights)), [end - start, 1])]
      const logits = capped(widened(matmul(h, weight, { transposeB: true })), attributes)
      const probabilities = softmax(logits)
      const slope = softCap === undefined ? undefined : cappedSlope(logits, softCap)
      const pulls = labelSmoothing === 0 ? probabilities : sub(probabilities, labelSmoothing / vocabulary)
      const shares = cast(slope === undefined ? pulls : mul(pulls, slope), weight.dtype)
      // log of the sum of exponentials: the largest probability is 1 / sum e^(x - max), which never underflows.
      const sums = sub(
        reduceMax(logits, { axes: [1], keepDims: true }),
        log(reduceMax(probabilities, { axes: [1], keepDims: true })),
      )
      const column = reshape(target, [end - start, 1])
      // The target's own part, what smoothing leaves of it, times its slope for each row.
      const own = (rows: Tensor) => {
        const part = labelSmoothing === 0 ? rows : mul(rows, 1 - labelSmoothing)
        return slope === undefined ? part : mul(part, cast(gatherAlong(slope, column, 1), rows.dtype))
      }
      losses.push(reduceSum(mul(share, sub(sums, targetLogits(logits, column, labelSmoothing)))))
      const pull = sub(matmul(shares, weight), own(gatherRows(weight, target)))
      dHidden.push(cast(mul(share, widened(pull)), hidden.dtype))
      const weighted = cast(mul(share, widened(h)), h.dtype)
      const d = sub(matmul(shares, weighted, { transposeA: true }), scatterAddRows(target, own(weighted), vocabulary))
      dWeight = dWeight === undefined ? d : add(dWeight, d)
    }
    return [losses.reduce((a, b) => add(a, b)), concat(dHidden, 0), dWeight as Tensor]
  },
  pullback({ outputs: [, dHidden, dWeight], cotangents: [g, ...ofDerivatives] }) {
    if (ofDerivatives.some((one) => one !== undefined)) return undefined
    if (g === undefined || dHidden === undefined || dWeight === undefined)
      return [undefined, undefined, undefined, undefined]
    return [mul(dHidden, cast(g, dHidden.dtype)), mul(dWeight, cast(g, dWeight.dtype)), undefined, undefined]
  },
}

/** The weighted sum of -log softmax(hidden weight^T)[target], of capped logits where a cap is given and of smoothed targets where that is, computed in the weight's dtype. Shapes as in `crossEntropyCall`. */
export function crossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  weights: Tensor,
  { block = ROWS_AT_A_TIME, softCap, labelSmoothing = 0 }: Partial<CrossEntropyAttributes> = {},
): Tensor {
  const attributes = {
    block,
    ...(softCap === undefined ? {} : { softCap }),
    ...(labelSmoothing === 0 ? {} : { labelSmoothing }),
  }
  return call(crossEntropyCall, [cast(hidden, weight.dtype), weight, targets, weights], attributes)[0] as Tensor
}

/** The weighted sum of -log softmax(logits)[target], or of smoothed targets: logits (rows, classes), f16 ones widened to f32; targets (rows) i32, weights (rows). */
export function crossEntropyOfLogits(
  scores: Tensor,
  targets: Tensor,
  weights: Tensor,
  { labelSmoothing = 0 }: TargetOptions = {},
): Tensor {
  const logits = widened(scores)
  const rows = logits.shape[0] as number
  const top = reduceMax(logits, { axes: [1], keepDims: true })
  const sums = sub(top, log(reduceMax(softmax(logits), { axes: [1], keepDims: true })))
  const own = targetLogits(logits, reshape(targets, [rows, 1]), labelSmoothing)
  return reduceSum(mul(reshape(widened(weights), [rows, 1]), sub(sums, own)))
}

// Each row's logits weighted by its target: the target's own, and of a smoothed one a share of the mean. (rows, classes) and (rows, 1) -> (rows, 1)
function targetLogits(logits: Tensor, column: Tensor, smoothing: number): Tensor {
  const picked = gatherAlong(logits, column, 1)
  if (smoothing === 0) return picked
  return add(mul(picked, 1 - smoothing), mul(reduceMean(logits, { axes: [1], keepDims: true }), smoothing))
}
