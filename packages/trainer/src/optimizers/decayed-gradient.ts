/** Weight decay as a part of the gradient (L2), as PyTorch's older optimizers have it: it goes through their moments. */
import { add, mul, type Tensor } from '@espalier/core'
import type { UpdateContext } from './optimizer.js'

/** The gradient with the parameter's decay in it. */
export function decayedGradient({ gradient, parameter, weightDecay }: UpdateContext): Tensor {
  return weightDecay === 0 ? gradient : add(gradient, mul(parameter, weightDecay))
}
