/** The cheapest way to part a network: which values to keep so that everything behind them can be made again. */

/** A directed edge with a capacity from 0 on; infinite ones are never cut. */
export interface Edge {
  readonly from: number
  readonly to: number
  readonly capacity: number
}

/** The vertex where all ways begin. */
export const SOURCE = 0
/** The vertex where they end. */
export const SINK = 1

/**
 * The vertices, out of `count`, on the sink's side of a cut of least capacity: the one nearest to the sink. Every
 * way from source to sink has an edge of finite capacity. Source: Edmonds and Karp, doi:10.1145/321694.321699.
 */
export function minimumCut(count: number, edges: readonly Edge[]): ReadonlySet<number> {
  // Edge 2i and its reverse 2i + 1.
  const ends = edges.flatMap(({ from, to }) => [to, from])
  const left = edges.flatMap(({ capacity }) => [capacity, 0])
  const leaving = Array.from({ length: count }, (): number[] => [])
  edges.forEach(({ from, to }, i) => {
    leaving[from]?.push(2 * i)
    leaving[to]?.push(2 * i + 1)
  })
  const reached = new Int32Array(count) // by which edge, backwards from the sink; -1: not
  const search = (): boolean => {
    reached.fill(-1)
    const queue = [SINK]
    for (const at of queue)
      for (const back of leaving[at] as number[]) {
        const edge = back ^ 1
        const from = ends[back] as number
        if (from === SINK || reached[from] !== -1 || !((left[edge] as number) > 0)) continue
        reached[from] = edge
        queue.push(from)
      }
    return reached[SOURCE] !== -1
  }
  while (search()) {
    let room = Number.POSITIVE_INFINITY
    const path: number[] = []
    for (let at = SOURCE; at !== SINK; at = ends[path.at(-1) as number] as number) {
      const edge = reached[at] as number
      path.push(edge)
      room = Math.min(room, left[edge] as number)
    }
    for (const edge of path) {
      left[edge] = (left[edge] as number) - room
      left[edge ^ 1] = (left[edge ^ 1] as number) + room
    }
  }
  return new Set([SINK, ...reached.keys()].filter((vertex) => vertex === SINK || reached[vertex] !== -1))
}
