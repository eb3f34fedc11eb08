/** What one rendering has used of its budget, and where it stands. A template of unknown origin ends after a bounded time, in bounded memory. */
import { Refused } from './errors.js'

const MOST_STEPS = 10_000_000 // statements, expressions, items: a second or two
const MOST_CHARACTERS = 2 ** 28 // in all texts made
const MOST_BITS = 2 ** 16 // of an integer; Python prints up to 4,300 digits, about 14,300 bits
const DEEPEST = 200 // calls in calls and values in values; Python's own limit lies near

/** One rendering. */
export class Run {
  #steps = 0
  #characters = 0
  #depth = 0
  /** Line of the statement or print that runs. */
  line = 1

  /** Counts work done. Throws Refused when there was too much. */
  step(count = 1): void {
    this.#steps += count
    if (this.#steps > MOST_STEPS)
      throw new Refused(`the template takes more than ${MOST_STEPS.toLocaleString('en')} steps`)
  }

  /** Counts a text before it is made. length: UTF-16 units. Throws Refused when texts get too long. */
  text(length: number): void {
    this.#characters += length
    if (!(this.#characters <= MOST_CHARACTERS))
      throw new Refused(`the template makes texts of more than ${MOST_CHARACTERS.toLocaleString('en')} characters`)
  }

  /** Checks the size of an integer before it is made. Throws Refused. */
  integer(bits: number): void {
    if (!(bits <= MOST_BITS)) throw new Refused(`the template computes integers of more than ${MOST_BITS} bits`)
    if (bits > 64) this.step(Math.ceil(bits / 64))
  }

  /** What a function gives, one level deeper. Throws Refused when levels are too many. */
  deeper<T>(inner: () => T): T {
    this.#depth += 1
    if (this.#depth > DEEPEST) throw new Refused(`the template goes more than ${DEEPEST} levels deep`)
    try {
      return inner()
    } finally {
      this.#depth -= 1
    }
  }
}
