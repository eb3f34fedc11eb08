/** Rows that are cut to a length: counted, and said. */

/** Rows and the length that they are cut to. */
export interface CutRows {
  readonly rows: number
  readonly cut: number
  /** Tokens of the longest row before it was cut. */
  readonly longest: number
  /** Null where nothing is cut. */
  readonly maxLength: number | null
}

/** A sentence when rows were cut. */
export function cutWarnings({ rows, cut, longest, maxLength }: CutRows): string[] {
  if (cut === 0) return []
  const [of, all, most] = [cut, rows, longest].map((count) => count.toLocaleString('en-US'))
  return [`${of} of ${all} rows are cut to maxLength ${maxLength}; the longest has ${most} tokens`]
}

/** Counts rows as they are cut. */
export class CutTally {
  private tally: CutRows = { rows: 0, cut: 0, longest: 0, maxLength: null }

  /** length: tokens of a row, or of its longer side, before it was cut. */
  add({ length, isCut, maxLength }: { length: number; isCut: boolean; maxLength: number | null }): void {
    const { rows, cut, longest } = this.tally
    this.tally = { rows: rows + 1, cut: cut + (isCut ? 1 : 0), longest: Math.max(longest, length), maxLength }
  }

  /** How many were. */
  get count(): number {
    return this.tally.cut
  }

  /** What there is to say of them. */
  get warnings(): readonly string[] {
    return cutWarnings(this.tally)
  }
}
