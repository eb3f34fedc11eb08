/** Adam with weight decay in the gradient, as torch.optim.Adam computes it. Source: arXiv:1412.6980, algorithm 1. */
import { type AdamWOptions, adamw } from './adamw.js'
import { decayedGradient } from './decayed-gradient.js'
import type { Optimizer } from './optimizer.js'

/** Adam. Differs from `adamw` in weight decay alone. Throws config.value for settings outside their ranges. */
export function adam(options: AdamWOptions = {}): Optimizer {
  const decoupled = adamw(options)
  return {
    ...decoupled,
    name: 'adam',
    update: (context) => decoupled.update({ ...context, gradient: decayedGradient(context), weightDecay: 0 }),
  }
}
