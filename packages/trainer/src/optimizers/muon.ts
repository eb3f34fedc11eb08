/**
 * Muon: momentum of a matrix, made orthogonal, as torch.optim.Muon but for its precision: the iteration is computed in float32, in torch in
 * bfloat16. Source: arXiv:2502.16982 §2; Jordan, "Muon: an optimizer for hidden layers in neural networks" (2024).
 */
import { add, div, EspalierError, matmul, max, mul, permute, reduceSum, sqrt, sub, type Tensor } from '@espalier/core'
import { checkRange, checkWhole } from '../settings.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are torch's. Weight decay is decoupled. */
export interface MuonOptions {
  /** Share of the momentum that is kept, in [0, 1). Default 0.95. */
  readonly momentum?: number
  /** Looks ahead along the momentum. Default true. */
  readonly nesterov?: boolean
  /** Newton-Schulz iterations, from 1 on. Default 5. */
  readonly nsSteps?: number
  /** What the rate is multiplied by: sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) with AdamW's updates as the measure. Default 'original'. */
  readonly adjustLrFn?: 'original' | 'match_rms_adamw'
}

const COEFFICIENTS = [3.4445, -4.775, 2.0315] as const
const EPSILON = 1e-7

/** Muon. Trains matrices alone: throws config.unsupported for others, and config.value for settings outside their ranges. */
export function muon(options: MuonOptions = {}): Optimizer {
  const { momentum = 0.95, nesterov = true, nsSteps = 5, adjustLrFn = 'original' } = options
  checkRange('momentum', momentum, 0, 1, '[)')
  checkWhole('nsSteps', nsSteps, 1)
  const blend = (a: Tensor, b: Tensor) => add(mul(a, momentum), mul(b, 1 - momentum))
  return {
    name: 'muon',
    elementwise: false,
    states: ['momentum_buffer'],
    scalars: () => ({}),
    update({ parameter, gradient, states, learningRate, weightDecay }) {
      const [rows, columns, ...others] = parameter.shape as [number, number]
      if (columns === undefined || others.length > 0)
        throw new EspalierError('config.unsupported', {
          what: 'muon trains matrices alone',
          got: { shape: parameter.shape },
          fix: 'Train no biases or norms, or use adamw',
        })
      const buffer = blend(states.momentum_buffer as Tensor, gradient)
      const direction = orthogonal(nesterov ? blend(buffer, gradient) : buffer, nsSteps)
      const factor =
        adjustLrFn === 'original' ? Math.sqrt(Math.max(1, rows / columns)) : 0.2 * Math.sqrt(Math.max(rows, columns))
      const decayed = weightDecay === 0 ? parameter : mul(parameter, sub(1, mul(learningRate, weightDecay)))
      return {
        parameter: sub(decayed, mul(direction, mul(learningRate, factor))),
        states: { momentum_buffer: buffer },
      }
    },
  }
}

/** Near the matrix with the same singular vectors and all singular values 1. */
function orthogonal(x: Tensor, steps: number): Tensor {
  const [rows, columns] = x.shape as [number, number]
  const isTall = rows > columns
  const turned = isTall ? permute(x, [1, 0]) : x
  const [a, b, c] = COEFFICIENTS
  let y = div(turned, max(sqrt(reduceSum(mul(turned, turned))), EPSILON))
  for (let i = 0; i < steps; i++) {
    const gram = matmul(y, y, { transposeB: true })
    y = add(mul(y, a), matmul(add(mul(gram, b), mul(matmul(gram, gram), c)), y))
  }
  return isTall ? permute(y, [1, 0]) : y
}
