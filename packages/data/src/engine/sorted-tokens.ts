/** Finds every token that begins at a place of a text: a sorted list, narrowed character by character. It needs no more memory than the list. */

/** Tokens in the order of their UTF-16 units. */
export class SortedTokens {
  readonly #tokens: readonly string[]
  readonly #ids: ReadonlyMap<string, number>

  constructor(ids: ReadonlyMap<string, number>) {
    this.#ids = ids
    // The default order of strings is that of their units.
    this.#tokens = [...ids.keys()].filter((token) => token !== '').sort()
  }

  /** Calls back with end and id of each token, the shortest first. */
  startingAt(text: string, start: number, found: (end: number, id: number) => void): void {
    let low = 0
    let high = this.#tokens.length
    for (let at = start; at < text.length; at++) {
      const depth = at - start
      const unit = text.charCodeAt(at)
      low = this.#firstFrom(low, high, depth, unit)
      high = this.#firstFrom(low, high, depth, unit + 1)
      if (low >= high) return
      const token = this.#tokens[low] as string
      if (token.length === depth + 1) found(at + 1, this.#ids.get(token) as number)
    }
  }

  /** The first token of a range whose unit at a depth is at least this; a token that ends before counts as less. */
  #firstFrom(low: number, high: number, depth: number, unit: number): number {
    let [first, last] = [low, high]
    while (first < last) {
      const middle = (first + last) >> 1
      const token = this.#tokens[middle] as string
      if (depth < token.length && token.charCodeAt(depth) >= unit) last = middle
      else first = middle + 1
    }
    return first
  }
}
