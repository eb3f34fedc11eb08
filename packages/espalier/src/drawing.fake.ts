/** Choices that follow from a seed: for tests. */
import { Random } from '@espalier/core'

/** Draws one choice after the other. */
export interface Drawing {
  /** A whole number from 0 on, below the limit. */
  below(limit: number): number
  of<Value>(values: readonly Value[]): Value
}

/** The same choices for the same seed. */
export function drawing(seed: number): Drawing {
  const random = new Random(seed)
  let count = 0
  const below = (limit: number) => {
    const [value = 0] = random.at(`draw ${count++}`).uniform(1, 0.5)
    return Math.max(0, Math.min(limit - 1, Math.floor((value + 0.5) * limit)))
  }
  return { below, of: (values) => values[below(values.length)] as (typeof values)[number] }
}
