/** Where many rows stand, by their number, in 16 bytes each. */
import { NumberList } from '../number-list.js'
import type { Place } from './row-source.js'

/** The places of a source's rows, in order. */
export class Places {
  readonly #first = new NumberList()
  readonly #second = new NumberList()

  get length(): number {
    return this.#first.length
  }

  /** Notes the place of a row. Passes give their rows in order and always the same ones, so what an earlier one noted stays. */
  note(index: number, [first, second]: Place): void {
    if (index !== this.length) return
    this.#first.push(first)
    this.#second.push(second)
  }

  at(index: number): Place {
    return [this.#first.at(index), this.#second.at(index)]
  }
}
