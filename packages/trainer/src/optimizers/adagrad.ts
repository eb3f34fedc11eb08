/** Adagrad, as torch.optim.Adagrad computes it. Source: Duchi, Hazan and Singer, JMLR 12 (2011), figure 1. */
import { add, div, mul, sqrt, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import { decayedGradient } from './decayed-gradient.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are torch's. Weight decay is added to the gradient. */
export interface AdagradOptions {
  /** The rate is divided by 1 + (step - 1) * lrDecay. Default 0. */
  readonly lrDecay?: number
  /** Added to the root of the sum of squares, above 0. Default 1e-10. */
  readonly epsilon?: number
}

/** Adagrad. Throws config.value for settings outside their ranges. */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { lrDecay = 0, epsilon = 1e-10 } = options
  checkRange('lrDecay', lrDecay, 0, Number.POSITIVE_INFINITY, '[)')
  checkRange('epsilon', epsilon, 0, 1, '(]')
  return {
    name: 'adagrad',
    elementwise: true,
    states: ['sum'],
    scalars: (step) => ({ slowdown: 1 + (step - 1) * lrDecay }),
    update(context) {
      const { parameter, states, learningRate, scalars } = context
      const gradient = decayedGradient(context)
      const sum = add(states.sum as Tensor, mul(gradient, gradient))
      const rate = div(learningRate, scalars.slowdown as Tensor)
      return { parameter: sub(parameter, mul(rate, div(gradient, add(sqrt(sum), epsilon)))), states: { sum } }
    },
  }
}
