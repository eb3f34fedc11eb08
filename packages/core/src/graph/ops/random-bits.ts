/** Reproducible random bits: the same for a seed, site and index on every backend, and after recomputation. */
import { EspalierError } from '../../errors.js'
import { mix32, siteKey } from '../../random.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `randomBits`: mix32(index ^ siteKey(seed, site)), see random.ts; seed is a u32 scalar, index any u32 tensor. */
export const randomBitsRule: OpRule<'randomBits'> = {
  infer([seed, index]) {
    if (seed?.dtype !== 'u32' || seed.shape.length !== 0 || index?.dtype !== 'u32') {
      throw new EspalierError('dtype.mismatch', {
        what: 'randomBits needs a u32 scalar seed and u32 indices',
        got: { seed: seed?.dtype, index: index?.dtype },
      })
    }
    return [{ dtype: 'u32', shape: index.shape }]
  },
  reference(node, inputs, [y]) {
    const key = siteKey(at(inputs, 0)[0] as number, node.attrs.site)
    const index = at(inputs, 1)
    if (y !== undefined) for (let i = 0; i < y.length; i++) y[i] = mix32(((index[i] as number) ^ key) >>> 0)
  },
}

/** 32 random bits per index. `site` tells draws of one seed apart: hash the module path (hashString). */
export function randomBits(seed: Tensor, site: number, index: Tensor): Tensor {
  return applySingle('randomBits', randomBitsRule, [seed, index], { site: site >>> 0 })
}
