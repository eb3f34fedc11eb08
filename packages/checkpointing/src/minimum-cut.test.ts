import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { type Edge, minimumCut, SINK, SOURCE } from './minimum-cut.js'

const cost = (edges: readonly Edge[], late: ReadonlySet<number>) =>
  edges.reduce((sum, { from, to, capacity }) => sum + (!late.has(from) && late.has(to) ? capacity : 0), 0)

/** The least cost of all ways to part the vertices. */
function leastCost(count: number, edges: readonly Edge[]): number {
  let least = Number.POSITIVE_INFINITY
  for (let picked = 0; picked < 2 ** (count - 2); picked++) {
    const late = new Set([
      SINK,
      ...Array.from({ length: count - 2 }, (_, i) => i + 2).filter((v) => picked & (1 << (v - 2))),
    ])
    least = Math.min(least, cost(edges, late))
  }
  return least
}

describe('a minimum cut', () => {
  it('of random networks costs what the best of all cuts costs', () => {
    const random = new Random(3)
    for (let network = 0; network < 40; network++) {
      const count = 8
      const draws = random.at(`network ${network}`).uniform(3 * count * count, 1)
      const edges: Edge[] = []
      for (let from = 0; from < count; from++)
        for (let to = 0; to < count; to++) {
          const draw = Math.abs(draws[from * count + to] as number)
          const isOpen = from !== to && from !== SINK && to !== SOURCE && draw < 0.4
          const ends = (from === SOURCE || to === SINK) && draw < 0.1
          if (isOpen)
            edges.push({
              from,
              to,
              capacity: ends && from !== SOURCE ? Number.POSITIVE_INFINITY : Math.ceil(30 * draw),
            })
        }
      const late = minimumCut(count, edges)
      expect(late.has(SINK)).toBe(true)
      expect(late.has(SOURCE)).toBe(false)
      expect(cost(edges, late)).toBe(leastCost(count, edges))
    }
  })

  it('among equal ones is the nearest to the sink', () => {
    const chain = [
      { from: SOURCE, to: 2, capacity: 5 },
      { from: 2, to: 3, capacity: 5 },
      { from: 3, to: SINK, capacity: 5 },
    ]
    expect(minimumCut(4, chain)).toEqual(new Set([SINK]))
  })
})
