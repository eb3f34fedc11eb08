/** How much memory the values of each shape of micro-batch take, from the programs of two of them. */
import type { HostTensor } from '@espalier/core'
import type { BatchShape } from '@espalier/data'

/** A shape of micro-batch, and feeds of it. */
export interface ShapedFeeds {
  readonly shape: BatchShape
  readonly feeds: Readonly<Record<string, HostTensor>>
}

/**
 * The peak of each batch's program, in the same order. `peakOf` follows a program, which takes a quarter of a second for a model of 135 M:
 * it is asked for the shortest rows and for the longest ones. What a token takes grows with the length of its row, as attention does, so
 * those between lie between.
 */
export function shapePeaks(
  batches: readonly ShapedFeeds[],
  peakOf: (feeds: ShapedFeeds['feeds']) => number,
): readonly number[] {
  const [first, ...others] = batches
  if (first === undefined) return []
  const shortest = others.reduce((a, b) => (b.shape.length < a.shape.length ? b : a), first)
  const longest = others.reduce((a, b) => (b.shape.length > a.shape.length ? b : a), first)
  const perToken = ({ shape, feeds }: ShapedFeeds) => peakOf(feeds) / tokensOf(shape)
  const least = perToken(shortest)
  const span = longest.shape.length - shortest.shape.length
  const growth = span === 0 ? 0 : (perToken(longest) - least) / span
  return batches.map(({ shape }) => tokensOf(shape) * (least + growth * (shape.length - shortest.shape.length)))
}

function tokensOf({ rows, length }: BatchShape): number {
  return rows * length
}
