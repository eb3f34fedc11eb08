/** Lion: steps of one size, in the direction of a momentum's sign, as bitsandbytes' Lion32bit. Source: arXiv:2302.06675, program 1. */
import { add, cast, greater, less, mul, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are the paper's. Weight decay is decoupled. */
export interface LionOptions {
  /** Share of the momentum in what a step follows, in [0, 1). Default 0.9. */
  readonly beta1?: number
  /** Decay of the momentum, in [0, 1). Default 0.99. */
  readonly beta2?: number
}

/** Lion. Throws config.value for settings outside their ranges. */
export function lion(options: LionOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.99 } = options
  checkRange('beta1', beta1, 0, 1, '[)')
  checkRange('beta2', beta2, 0, 1, '[)')
  const blend = (old: Tensor, value: Tensor, share: number) => add(mul(old, share), mul(value, 1 - share))
  return {
    name: 'lion',
    elementwise: true,
    states: ['exp_avg'],
    scalars: () => ({}),
    update({ parameter, gradient, states, learningRate, weightDecay }) {
      const momentum = states.exp_avg as Tensor
      const decayed = weightDecay === 0 ? parameter : mul(parameter, sub(1, mul(learningRate, weightDecay)))
      return {
        parameter: sub(decayed, mul(learningRate, signOf(blend(momentum, gradient, beta1)))),
        states: { exp_avg: blend(momentum, gradient, beta2) },
      }
    },
  }
}

function signOf(x: Tensor): Tensor {
  return sub(cast(greater(x, 0), x.dtype), cast(less(x, 0), x.dtype))
}
