/** Sizes that programs are compiled for, few enough that another prompt or another length rarely needs another program. */

const SMALLEST_PROMPT = 16
const FIRST_SLOTS = 256 // reading as many slots costs a few percent of reading the weights of a small model; another program costs more
const SMALLEST_SLOTS = 128

/** Columns to run a prompt of `tokens` in: a power of two, or one and a half of one; at most a third is padding. */
export function promptBucket(tokens: number, most: number | null): number {
  let bucket = SMALLEST_PROMPT
  while (bucket < tokens) bucket = Number.isInteger(Math.log2(bucket)) ? bucket * 1.5 : (bucket * 4) / 3
  return most === null ? bucket : Math.min(bucket, most)
}

/** Slots of a new cache that will hold `columns` at once, and `total` tokens if nothing ends the rows before. */
export function firstSlots(columns: number, total: number): number {
  return doubled(SMALLEST_SLOTS, Math.max(columns + 1, Math.min(total, FIRST_SLOTS)))
}

/** Slots of a cache that must hold one token more than `slots`. */
export function moreSlots(slots: number): number {
  return slots * 2
}

function doubled(size: number, least: number): number {
  let result = size
  while (result < least) result *= 2
  return result
}
