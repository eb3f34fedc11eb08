/**
 * Token ids of many rows in little memory: pages of integers up to a limit, beyond it only where a row stands. It knows rows by number
 * and nothing of their meaning.
 */
import { NumberList } from '../number-list.js'

const PAGE = 1 << 20 // ids in a page: 4 MiB

/** Rows of ids; a row that found no room is known only by its length. */
export class IdStore {
  readonly #pages: Int32Array[] = []
  readonly #limit: number
  // Where a row begins, counted over all pages; -1 for a row that is not held.
  readonly #starts = new NumberList()
  readonly #lengths = new NumberList()
  #used = PAGE // of the last page: full before there is one

  /** limitBytes: most memory for ids. */
  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  get length(): number {
    return this.#lengths.length
  }

  /** Bytes of the pages. */
  get byteLength(): number {
    return this.#pages.reduce((sum, page) => sum + page.byteLength, 0)
  }

  /** Adds a row, held if there is room. */
  push(ids: readonly number[]): void {
    this.#starts.push(this.#hold(ids))
    this.#lengths.push(ids.length)
  }

  /** Number of ids of a row. */
  lengthOf(row: number): number {
    return this.#lengths.at(row)
  }

  /** The ids of a row, undefined when it is not held. */
  get(row: number): Int32Array | undefined {
    const start = this.#starts.at(row)
    if (!(start >= 0)) return undefined
    const page = this.#pages[Math.floor(start / PAGE)]
    return page?.subarray(start % PAGE, (start % PAGE) + this.#lengths.at(row))
  }

  #hold(ids: readonly number[]): number {
    if (ids.length > PAGE) return -1
    if (this.#used + ids.length > PAGE) {
      if (this.byteLength + PAGE * 4 > this.#limit) return -1
      this.#pages.push(new Int32Array(PAGE))
      this.#used = 0
    }
    const page = this.#pages.length - 1
    this.#pages[page]?.set(ids, this.#used)
    const start = page * PAGE + this.#used
    this.#used += ids.length
    return start
  }
}
