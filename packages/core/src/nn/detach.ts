/** A value that no gradient flows through, as a named call. */
import { type CallDefinition, call } from '../graph/ops/call.js'
import type { Tensor } from '../graph/tensor.js'

/** x, for gradients a constant. Call `detach`, input x, output x. */
export const detachCall: CallDefinition = {
  name: 'detach',
  body: ([x]) => [x as Tensor],
  pullback: () => [undefined],
}

/** The value as a constant of differentiation: DoRA's norm, which its paper (arXiv:2402.09353 §4.3) keeps out of the gradient. */
export function detach(x: Tensor): Tensor {
  return call(detachCall, [x], {})[0] as Tensor
}
