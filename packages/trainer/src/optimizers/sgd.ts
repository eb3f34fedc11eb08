/** Stochastic gradient descent with momentum, as torch.optim.SGD computes it. */
import { add, equal, mul, select, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import { decayedGradient } from './decayed-gradient.js'
import type { Optimizer } from './optimizer.js'

/** Settings; all default to 0 or false. Weight decay is added to the gradient, as in torch. */
export interface SgdOptions {
  /** Share of the last update direction that is kept, from 0 on. */
  readonly momentum?: number
  /** Share of the gradient left out of the momentum buffer. */
  readonly dampening?: number
  /** Look ahead along the momentum; needs momentum above 0 and dampening 0. */
  readonly nesterov?: boolean
}

/** SGD. Throws config.value for settings outside their ranges. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, dampening = 0, nesterov = false } = options
  checkRange('momentum', momentum, 0, Number.POSITIVE_INFINITY, '[)')
  if (nesterov) checkRange('momentum (for nesterov)', momentum, 0, Number.POSITIVE_INFINITY, '()')
  if (nesterov) checkRange('dampening (for nesterov)', dampening, 0, 0, '[]')
  return {
    name: 'sgd',
    elementwise: true,
    states: momentum === 0 ? [] : ['momentum_buffer'],
    scalars: (step) => ({ step }),
    update(context): {
      parameter: Tensor
      states: Record<string, Tensor>
    } {
      const { parameter, states, learningRate, scalars } = context
      const g = decayedGradient(context)
      const buffer = states.momentum_buffer
      if (buffer === undefined) return { parameter: sub(parameter, mul(learningRate, g)), states: {} }
      // torch starts the buffer at the first gradient, without dampening.
      const kept = select(equal(scalars.step as Tensor, 1), g, add(mul(buffer, momentum), mul(g, 1 - dampening)))
      const direction = nesterov ? add(g, mul(kept, momentum)) : kept
      return { parameter: sub(parameter, mul(learningRate, direction)), states: { momentum_buffer: kept } }
    },
  }
}
