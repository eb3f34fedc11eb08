/** Where values lie in one arena, so that those in use at one time never share a place and the rest do. */
import type { Lifetime } from './liveness.js'

/** Room for a value while it lives. */
export interface Block extends Lifetime {
  readonly size: number
}

/** A place for every block, in the unit of their sizes. */
export interface ArenaPlan {
  readonly offsets: readonly number[]
  /** Of the whole arena. */
  readonly size: number
}

/**
 * Places blocks, the largest first, each in the smallest gap that is free for its whole life. Offsets are multiples of `alignment`.
 * Source: arXiv:2001.03288 §5.2, greedy by size.
 */
export function planArena(blocks: readonly Block[], alignment = 1): ArenaPlan {
  const sizes = blocks.map(({ size }) => Math.ceil(size / alignment) * alignment)
  const offsets = blocks.map(() => 0)
  const placed: number[] = [] // by offset
  const end = (i: number) => (offsets[i] as number) + (sizes[i] as number)
  const largestFirst = blocks.map((_, i) => i).sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b)
  for (const i of largestFirst) {
    const size = sizes[i] as number
    let [free, found, smallest] = [0, -1, Infinity]
    for (const other of placed) {
      if (!meet(blocks[i] as Block, blocks[other] as Block)) continue
      const gap = (offsets[other] as number) - free
      if (gap >= size && gap < smallest) [found, smallest] = [free, gap]
      free = Math.max(free, end(other))
    }
    offsets[i] = found < 0 ? free : found
    const next = placed.findIndex((other) => (offsets[other] as number) > (offsets[i] as number))
    placed.splice(next < 0 ? placed.length : next, 0, i)
  }
  return { offsets, size: placed.reduce((most, i) => Math.max(most, end(i)), 0) }
}

function meet(a: Lifetime, b: Lifetime): boolean {
  return a.from <= b.to && b.from <= a.to
}
