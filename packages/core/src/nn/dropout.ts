/** Dropout that is the same on every backend and after recomputation: its mask is a function of a fed seed, a site and the position. */
import { mul } from '../graph/ops/binary.js'
import { type CallDefinition, call } from '../graph/ops/call.js'
import { cast } from '../graph/ops/cast.js'
import { less } from '../graph/ops/compare.js'
import { constant } from '../graph/ops/constant.js'
import { iota } from '../graph/ops/iota.js'
import { randomBits } from '../graph/ops/random-bits.js'
import { reshape } from '../graph/ops/reshape.js'
import { select } from '../graph/ops/select.js'
import type { Tensor } from '../graph/tensor.js'
import { hashString } from '../random.js'
import { type Shape, sizeOf } from '../shape.js'

const TWO_TO_32 = 2 ** 32

/** Constants of a dropout mask. An element is dropped when its 32 random bits are below rate * 2^32, rounded. */
export interface DropoutAttributes extends Readonly<Record<string, unknown>> {
  readonly rate: number
  readonly site: number
  readonly shape: Shape
}

/** Call `dropoutMask`: input seed (u32 scalar); output f32 of `shape`: 0 where dropped, 1 / (1 - rate) elsewhere. The index is the flat position. */
export const dropoutMaskCall: CallDefinition<DropoutAttributes> = {
  name: 'dropoutMask',
  body([seed], { rate, site, shape }) {
    const bits = randomBits(seed as Tensor, site, iota([sizeOf(shape)], 0, 'u32'))
    const dropped = less(bits, constant(dropoutThreshold(rate), 'u32'))
    return [reshape(select(dropped, constant(0), constant(1 / (1 - rate))), shape)]
  },
}

/** Random bits below this drop the element. */
export function dropoutThreshold(rate: number): number {
  return Math.min(Math.round(rate * TWO_TO_32), TWO_TO_32 - 1)
}

/** x with a share `rate` of its elements zeroed and the rest scaled by 1 / (1 - rate). `site` names the place: a module path. */
export function dropout(x: Tensor, seed: Tensor, rate: number, site: string): Tensor {
  if (rate === 0) return x
  const mask = call(dropoutMaskCall, [seed], { rate, site: hashString(site), shape: x.shape })[0] as Tensor
  return mul(x, cast(mask, x.dtype))
}
