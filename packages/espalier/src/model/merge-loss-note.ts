/** What to say of a merge into packed weights. */
import type { MergeLoss } from '@espalier/core'

/** A sentence with the loss, where any weight was packed: PEFT warns of it without a number. */
export function mergeLossNote(losses: ReadonlyMap<string, MergeLoss>): string | undefined {
  if (losses.size === 0) return undefined
  const shares = [...losses.values()].map(({ ofChange }) => ofChange).sort((a, b) => a - b)
  const largest = Math.max(...[...losses.values()].map((loss) => loss.largest))
  const share = shares[shares.length >> 1] as number
  const start = `${losses.size} packed weights were encoded again after merging, which rounds them by up to ${largest.toPrecision(2)}`
  return share < 1
    ? `${start}: the rounding is ${(100 * share).toPrecision(2)} % of what was merged, in the median of the weights`
    : `${start}: the rounding is ${share.toPrecision(2)} times what was merged, in the median of the weights, so that little of it may be left. Merge into a model that is not quantized to keep all of it`
}
