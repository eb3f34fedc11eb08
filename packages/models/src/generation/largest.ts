/** The largest entries of a long list without sorting all of it. */

/** Indices of the `count` largest values, largest first; of equal values the lower index first. NaN counts as smallest. */
export function largest(values: Float32Array, count: number): number[] {
  const before = (a: number, b: number) => {
    const [x, y] = [rank(values[a]), rank(values[b])]
    return x === y ? a < b : x > y
  }
  // A heap of the best so far with the worst of them at its root.
  const heap: number[] = []
  const sink = (from: number) => {
    let place = from
    while (true) {
      let worst = place
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < heap.length && before(heap[worst] as number, heap[child] as number)) worst = child
      }
      if (worst === place) return
      const moved = heap[place] as number
      heap[place] = heap[worst] as number
      heap[worst] = moved
      place = worst
    }
  }
  for (let i = 0; i < Math.min(count, values.length); i++) heap.push(i)
  for (let place = heap.length - 1; place >= 0; place--) sink(place)
  for (let i = heap.length; i < values.length; i++) {
    if (heap.length === 0 || !before(i, heap[0] as number)) continue
    heap[0] = i
    sink(0)
  }
  return heap.sort((a, b) => (before(a, b) ? -1 : 1))
}

function rank(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value
}
