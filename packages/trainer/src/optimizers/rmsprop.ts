/** RMSprop, as torch.optim.RMSprop computes it. Source: Hinton, Neural Networks for Machine Learning, lecture 6; arXiv:1308.0850 §2 where centered. */
import { add, div, mul, sqrt, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import { decayedGradient } from './decayed-gradient.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are torch's. Weight decay is added to the gradient. */
export interface RmspropOptions {
  /** Decay of the mean of squares, in [0, 1). Default 0.99. */
  readonly alpha?: number
  /** Added to the root of that mean, above 0. Default 1e-8. */
  readonly epsilon?: number
  /** Share of the last update that is kept, from 0 on. Default 0. */
  readonly momentum?: number
  /** Divides by the variance in place of the mean of squares. Default false. */
  readonly centered?: boolean
}

/** RMSprop. Throws config.value for settings outside their ranges. */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = options
  checkRange('alpha', alpha, 0, 1, '[)')
  checkRange('epsilon', epsilon, 0, 1, '(]')
  checkRange('momentum', momentum, 0, Number.POSITIVE_INFINITY, '[)')
  const mean = (old: Tensor, value: Tensor) => add(mul(old, alpha), mul(value, 1 - alpha))
  return {
    name: 'rmsprop',
    elementwise: true,
    states: ['square_avg', ...(momentum === 0 ? [] : ['momentum_buffer']), ...(centered ? ['grad_avg'] : [])],
    scalars: () => ({}),
    update(context) {
      const { parameter, states, learningRate } = context
      const gradient = decayedGradient(context)
      const squares = mean(states.square_avg as Tensor, mul(gradient, gradient))
      const average = states.grad_avg === undefined ? undefined : mean(states.grad_avg, gradient)
      const spread = average === undefined ? squares : sub(squares, mul(average, average))
      const direction = div(gradient, add(sqrt(spread), epsilon))
      const buffer =
        states.momentum_buffer === undefined ? direction : add(mul(states.momentum_buffer, momentum), direction)
      return {
        parameter: sub(parameter, mul(learningRate, buffer)),
        states: {
          square_avg: squares,
          ...(momentum === 0 ? {} : { momentum_buffer: buffer }),
          ...(average === undefined ? {} : { grad_avg: average }),
        },
      }
    },
  }
}
