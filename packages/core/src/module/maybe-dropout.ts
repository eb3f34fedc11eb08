/** Dropout in a model: active in a pass with a seed. */
import type { Tensor } from '../graph/tensor.js'
import { dropout } from '../nn/dropout.js'
import type { Context } from './context.js'

/** x with a share `rate` zeroed and the rest scaled up in a pass with a seed, x itself in others. site: a module path. */
export function maybeDropout(x: Tensor, { seed }: Context, rate: number, site: string): Tensor {
  return seed === undefined ? x : dropout(x, seed, rate, site)
}
