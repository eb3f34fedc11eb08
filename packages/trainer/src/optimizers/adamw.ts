/** AdamW with decoupled weight decay, as torch.optim.AdamW computes it. Source: arXiv:1711.05101, algorithm 2. */
import { add, type CallDefinition, call, div, max, mul, sqrt, sub, type Tensor } from '@espalier/core'
import { checkRange } from '../settings.js'
import type { Optimizer } from './optimizer.js'

/** Settings; defaults are torch's but for weight decay, which the trainer gives. */
export interface AdamWOptions {
  /** Decay of the first moment, in [0, 1). Default 0.9. */
  readonly beta1?: number
  /** Decay of the second moment, in [0, 1). Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the second moment, above 0. Default 1e-8. */
  readonly epsilon?: number
  /** Divides by the largest second moment so far. Source: arXiv:1904.09237. Default false. */
  readonly amsgrad?: boolean
}

interface AdamWAttributes extends Readonly<Record<string, unknown>> {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
}

/**
 * Call `adamw`: inputs parameter, gradient, first and second moment, the scalars learning rate, 1 - beta1^t and sqrt(1 - beta2^t), and with
 * AMSGrad the largest second moment so far; outputs the new parameter, moments, and with AMSGrad the largest.
 */
export const adamwCall: CallDefinition<AdamWAttributes> = {
  name: 'adamw',
  body(inputs, { beta1, beta2, epsilon, weightDecay }) {
    const [p, g, m, v, rate, correction1, correction2, largest] = inputs as readonly Tensor[] as Inputs
    const first = add(mul(m, beta1), mul(g, 1 - beta1))
    const second = add(mul(v, beta2), mul(mul(g, g), 1 - beta2))
    const most = largest === undefined ? second : max(largest, second)
    const denominator = add(div(sqrt(most), correction2), epsilon)
    const decayed = weightDecay === 0 ? p : mul(p, sub(1, mul(rate, weightDecay)))
    const next = sub(decayed, mul(div(rate, correction1), div(first, denominator)))
    return largest === undefined ? [next, first, second] : [next, first, second, most]
  },
}

type Inputs = readonly [
  parameter: Tensor,
  gradient: Tensor,
  first: Tensor,
  second: Tensor,
  rate: Tensor,
  correction1: Tensor,
  correction2: Tensor,
  largest?: Tensor,
]

/** AdamW. Throws config.value for settings outside their ranges. */
export function adamw(options: AdamWOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = options
  checkRange('beta1', beta1, 0, 1, '[)')
  checkRange('beta2', beta2, 0, 1, '[)')
  checkRange('epsilon', epsilon, 0, 1, '(]')
  return {
    name: 'adamw',
    elementwise: true,
    states: amsgrad ? ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'] : ['exp_avg', 'exp_avg_sq'],
    scalars: (step) => ({ correction1: 1 - beta1 ** step, correction2: Math.sqrt(1 - beta2 ** step) }),
    update({ parameter, gradient, states, learningRate, scalars, weightDecay }) {
      const inputs = [
        parameter,
        gradient,
        states.exp_avg,
        states.exp_avg_sq,
        learningRate,
        scalars.correction1,
        scalars.correction2,
        ...(amsgrad ? [states.max_exp_avg_sq] : []),
      ] as Tensor[]
      const [next, first, second, largest] = call(adamwCall, inputs, { beta1, beta2, epsilon, weightDecay }) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor?,
      ]
      const moments = { exp_avg: first, exp_avg_sq: second }
      return { parameter: next, states: largest === undefined ? moments : { ...moments, max_exp_avg_sq: largest } }
    },
  }
}
