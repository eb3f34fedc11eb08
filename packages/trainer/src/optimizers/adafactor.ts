/** Adafactor: the second moment of a matrix as a row and a column, as transformers' Adafactor computes it. Source: arXiv:1804.04235, algorithm 4. */
import { add, div, max, mul, reduceSum, reshape, type Shape, sizeOf, sqrt, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are what transformers' Trainer gives it. Weight decay is decoupled. */
export interface AdafactorOptions {
  /** Multiplies the rate by the root of the mean of the parameter's squares, at least 1e-3. Default false. */
  readonly scaleParameter?: boolean
  /** The rate is min(0.01, 1 / sqrt(step)), whatever the schedule. Default false. */
  readonly relativeStep?: boolean
  /** With `relativeStep`: at most 1e-6 times the step instead of 0.01. Default false. */
  readonly warmupInit?: boolean
  /** Decay of a first moment, in [0, 1); none is kept without it. */
  readonly beta1?: number
  /** The second moment decays by 1 - step^decayRate, below 0. Default -0.8. */
  readonly decayRate?: number
  /** An update of a larger root mean square is scaled down to it, above 0. Default 1. */
  readonly clipThreshold?: number
}

const SQUARE_EPSILON = 1e-30 // added to squares of gradients
const LEAST_SCALE = 1e-3 // of a parameter

/** Adafactor. Throws config.value for settings outside their ranges. */
export function adafactor(options: AdafactorOptions = {}): Optimizer {
  const { scaleParameter = false, relativeStep = false, warmupInit = false } = options
  const { beta1, decayRate = -0.8, clipThreshold = 1 } = options
  if (beta1 !== undefined) checkRange('beta1', beta1, 0, 1, '[)')
  checkRange('decayRate', decayRate, Number.NEGATIVE_INFINITY, 0, '()')
  checkRange('clipThreshold', clipThreshold, 0, Number.POSITIVE_INFINITY, '()')
  return {
    name: 'adafactor',
    elementwise: false,
    states: ['exp_avg_sq_row', 'exp_avg_sq_col', 'exp_avg_sq', ...(beta1 === undefined ? [] : ['exp_avg'])],
    stateSpec(state, shape) {
      const own = shapeOf(state, shape)
      return own && { dtype: 'f32', shape: own }
    },
    scalars: (step) => ({
      decay: 1 - step ** decayRate,
      relative_rate: Math.min(warmupInit ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step)),
    }),
    update({ parameter, gradient, states, learningRate, scalars, weightDecay }) {
      const decay = scalars.decay as Tensor
      const mean = (old: Tensor, value: Tensor) => add(mul(old, decay), mul(value, sub(1, decay)))
      const squares = add(mul(gradient, gradient), SQUARE_EPSILON)
      const { exp_avg_sq: whole, exp_avg_sq_row: row, exp_avg_sq_col: column, exp_avg: momentum } = states
      const next: Record<string, Tensor> = {}
      let direction: Tensor
      if (row !== undefined && column !== undefined) {
        next.exp_avg_sq_row = mean(row, meanOver(squares, -1))
        next.exp_avg_sq_col = mean(column, meanOver(squares, -2))
        direction = mul(gradient, inverseRoots(next.exp_avg_sq_row, next.exp_avg_sq_col))
      } else {
        next.exp_avg_sq = mean(whole as Tensor, squares)
        direction = div(gradient, sqrt(next.exp_avg_sq))
      }
      const base = relativeStep ? (scalars.relative_rate as Tensor) : learningRate
      const rate = scaleParameter ? mul(base, max(rootMeanSquare(parameter), LEAST_SCALE)) : base
      const clipped = div(direction, max(div(rootMeanSquare(direction), clipThreshold), 1))
      const step = mul(clipped, rate)
      if (momentum !== undefined && beta1 !== undefined) next.exp_avg = add(mul(momentum, beta1), mul(step, 1 - beta1))
      const decayed = weightDecay === 0 ? parameter : sub(parameter, mul(parameter, mul(rate, weightDecay)))
      return { parameter: sub(decayed, next.exp_avg ?? step), states: next }
    },
  }
}

/** Matrices, and stacks of them, have a row and a column; what has fewer axes has each value's own. */
function shapeOf(state: string, shape: Shape): Shape | undefined {
  const isFactored = shape.length >= 2
  if (state === 'exp_avg') return shape
  if (state === 'exp_avg_sq') return isFactored ? undefined : shape
  if (!isFactored) return undefined
  return state === 'exp_avg_sq_row' ? shape.slice(0, -1) : [...shape.slice(0, -2), shape.at(-1) as number]
}

/** 1 / sqrt(row column / mean(row)), (..., rows, columns): what a second moment of rank 1 divides by. */
function inverseRoots(row: Tensor, column: Tensor): Tensor {
  const share = sqrt(div(row, meanOver(row, -1, true)))
  const [rows, columns] = [reshape(share, [...row.shape, 1]), sqrt(column)]
  return div(1, mul(rows, reshape(columns, [...column.shape.slice(0, -1), 1, column.shape.at(-1) as number])))
}

function meanOver(x: Tensor, axis: number, keepDims = false): Tensor {
  return mul(reduceSum(x, { axes: [axis], keepDims }), 1 / (x.shape.at(axis) as number))
}

function rootMeanSquare(x: Tensor): Tensor {
  return sqrt(mul(reduceSum(mul(x, x)), 1 / sizeOf(x.shape)))
}
