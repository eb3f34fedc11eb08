/** Which parts of which sequences share a row, from their lengths alone: TRL's strategies, in TRL's order. What a row is made of is left to packed-examples.ts. */
import { EspalierError } from '@espalier/core'

/**
 * `bfd`: best fit, longest first; of longer sequences the start is kept. `ffd`: first fit, as TRL before 0.18. `bfd_split`: best fit, longer
 * sequences in parts. `wrapped`: one stretch of all sequences, cut at every row's end. Source: arXiv:2404.10830; TRL's `pack_dataset`.
 */
export type PackingStrategy = (typeof packingStrategies)[number]

/** Every strategy. */
export const packingStrategies = ['bfd', 'ffd', 'bfd_split', 'wrapped'] as const

/** Tokens `start` to `end` (exclusive) of a sequence. */
export interface PackedPart {
  readonly sequence: number
  readonly start: number
  readonly end: number
}

/** The parts of one row, in their order. */
export type PackedRow = readonly PackedPart[]

/** Room of a row, and the way to fill it. */
export interface PackingOptions {
  /** Most tokens of a row. */
  readonly maxLength: number
  /** Default `bfd`. */
  readonly strategy?: PackingStrategy
}

/** Sequences that are packed at once, as datasets' `map` gives them to TRL; no row mixes such groups. */
export const PACKED_TOGETHER = 1000

/** Packs sequences of these lengths. Every row has at least one part, and none is empty. Throws config.value. */
export function packSequences(lengths: ArrayLike<number>, options: PackingOptions): PackedRow[] {
  const { maxLength, strategy = 'bfd' } = options
  checkOptions(maxLength, strategy)
  const rows: PackedRow[] = []
  for (let from = 0; from < lengths.length; from += PACKED_TOGETHER) {
    const to = Math.min(from + PACKED_TOGETHER, lengths.length)
    const whole = Array.from({ length: to - from }, (_, i) => from + i).map((sequence): PackedPart => {
      return { sequence, start: 0, end: lengths[sequence] as number }
    })
    const parts = whole.filter(({ end }) => end > 0)
    rows.push(...(strategy === 'wrapped' ? wrap(parts, maxLength) : fit(parts, maxLength, strategy)))
  }
  return rows
}

function fit(parts: readonly PackedPart[], room: number, strategy: 'bfd' | 'ffd' | 'bfd_split'): PackedRow[] {
  const cut = parts.flatMap((part) =>
    strategy === 'bfd_split' ? splitEvery(part, room) : [{ ...part, end: Math.min(part.end, room) }],
  )
  const bins: { readonly parts: PackedPart[]; space: number }[] = []
  const bySpace = new BinsBySpace()
  for (const part of cut.sort((a, b) => sizeOf(b) - sizeOf(a))) {
    const size = sizeOf(part)
    const found = strategy === 'ffd' ? bins.findIndex(({ space }) => space >= size) : bySpace.take(size)
    const at = found === -1 ? bins.push({ parts: [], space: room }) - 1 : found
    const bin = bins[at] as (typeof bins)[number]
    bin.parts.push(part)
    bin.space -= size
    if (strategy !== 'ffd') bySpace.put(at, bin.space)
  }
  return bins.map((bin) => bin.parts)
}

/** Bins by what is left of them; among equal ones the first that was put there. */
class BinsBySpace {
  readonly #spaces: number[] = [] // ascending; no queue is empty
  readonly #queues = new Map<number, number[]>()

  put(bin: number, space: number): void {
    if (space === 0) return
    const queue = this.#queues.get(space)
    if (queue !== undefined) queue.push(bin)
    else {
      this.#spaces.splice(this.#firstFrom(space), 0, space)
      this.#queues.set(space, [bin])
    }
  }

  /** The bin with the least space of at least `size`, no longer held; -1 for none. */
  take(size: number): number {
    const at = this.#firstFrom(size)
    const space = this.#spaces[at]
    if (space === undefined) return -1
    const queue = this.#queues.get(space) as number[]
    const bin = queue.shift() as number
    if (queue.length === 0) {
      this.#spaces.splice(at, 1)
      this.#queues.delete(space)
    }
    return bin
  }

  #firstFrom(size: number): number {
    let [low, high] = [0, this.#spaces.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#spaces[middle] as number) < size) low = middle + 1
      else high = middle
    }
    return low
  }
}

function wrap(parts: readonly PackedPart[], room: number): PackedRow[] {
  const rows: PackedPart[][] = []
  let space = 0
  for (const { sequence, start: first, end } of parts) {
    for (let start = first; start < end; ) {
      if (space === 0) {
        rows.push([])
        space = room
      }
      const part = { sequence, start, end: Math.min(start + space, end) }
      rows.at(-1)?.push(part)
      space -= sizeOf(part)
      start = part.end
    }
  }
  return rows
}

function splitEvery({ sequence, start: first, end }: PackedPart, room: number): PackedPart[] {
  const parts: PackedPart[] = []
  for (let start = first; start < end; start += room) parts.push({ sequence, start, end: Math.min(start + room, end) })
  return parts
}

function sizeOf({ start, end }: PackedPart): number {
  return end - start
}

function checkOptions(maxLength: number, strategy: string): void {
  if (!(Number.isInteger(maxLength) && maxLength > 0))
    throw new EspalierError('config.value', {
      what: 'rows to pack need a maxLength, a whole number above 0',
      got: { maxLength },
      fix: 'Use a number of tokens, such as 1024.',
    })
  if (!(packingStrategies as readonly string[]).includes(strategy))
    throw new EspalierError('config.value', {
      what: 'there is no such packing strategy',
      got: { packingStrategy: strategy },
      fix: `Use one of ${packingStrategies.join(', ')}.`,
    })
}
