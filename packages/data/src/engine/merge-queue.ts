/** Merges that could be done, the best rank first, and of one rank the leftmost: a binary heap of numbers. */
const POSITIONS = 2 ** 26 // more than a text has characters; rank and position are one number

/** A heap of merges. */
export class MergeQueue {
  readonly #heap: number[] = []

  push(rank: number, position: number): void {
    const heap = this.#heap
    const value = rank * POSITIONS + position
    let at = heap.length
    heap.push(value)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as number) <= value) break
      heap[at] = heap[parent] as number
      at = parent
    }
    heap[at] = value
  }

  /** The best merge, taken out; undefined when none is left. */
  pop(): { rank: number; position: number } | undefined {
    const heap = this.#heap
    const best = heap[0]
    const last = heap.pop()
    if (best === undefined || last === undefined) return undefined
    if (heap.length > 0) this.#sink(last)
    return { rank: Math.floor(best / POSITIONS), position: best % POSITIONS }
  }

  #sink(value: number): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child += 1
      if ((heap[child] as number) >= value) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = value
  }
}
