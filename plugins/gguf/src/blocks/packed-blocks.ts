/** What packed types have in common: codes of 4 or 8 bits, a scale for every block, and maybe scales of groups within it, and least values. */

/** How a block's bytes part into codes and scales. A weight is code * scale (+ or - least value). */
export interface PackedBlocks {
  /** Weights that share a scale: the block's size, or a part of it. */
  readonly group: number
  /** What codes of four bits stand for; undefined: codes are whole numbers of 8 bits. */
  readonly table?: readonly number[]
  /** Writes a code for each weight: 0 to 15 where there is a table, else an i8. */
  codes(block: Uint8Array, to: Uint8Array): void
  /** Where the float16 that scales the block lies. */
  readonly scaleAt: number
  /** Writes whole numbers that multiply the block's scale, one for each group. */
  groupScales?(block: Uint8Array, to: Int8Array): void
  /** Least values: where their float16 lies, whether they are added or subtracted, and what multiplies them in each group. */
  readonly least?: {
    readonly at: number
    readonly sign: 1 | -1
    groupScales?(block: Uint8Array, to: Int8Array): void
  }
}

/** The whole numbers from one on. */
export function counted(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => from + i)
}
