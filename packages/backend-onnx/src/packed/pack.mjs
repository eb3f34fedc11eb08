/** Weights in the layout that kernels/packed.ts reads: the upper 16 bits of each f32, in blocks of 4 rows and groups of 8 columns. */

const ROWS = 4
const COLUMNS = 8
const PAIRS = 4 // columns i and i + 4 share a word

/** Bytes of a packed matrix. */
export function packedBytes(rows, columns) {
  return Math.ceil(rows / ROWS) * ROWS * columns * 2
}

/**
 * Packs a matrix. `words` are the bits of its f32 values; with `transposed` they lie as (columns, rows). `target` has
 * packedBytes / 4 words and is zero. False, and half done, when a value has more than its upper 16 bits.
 */
export function pack(words, rows, columns, transposed, target) {
  const [down, across] = transposed ? [1, rows] : [columns, 1]
  for (let row = 0; row < rows; row++) {
    let lower = 0
    let to = (row - (row % ROWS)) * (columns / 2) + (row % ROWS) * PAIRS
    let from = row * down
    for (let group = 0; group < columns; group += COLUMNS) {
      for (let i = 0; i < PAIRS; i++) {
        const first = words[from + i * across]
        const second = words[from + (i + PAIRS) * across]
        lower |= first | second
        target[to + i] = (first >>> 16) | (second & 0xffff0000)
      }
      from += COLUMNS * across
      to += ROWS * PAIRS
    }
    if ((lower & 0xffff) !== 0) return false
  }
  return true
}

/** Row `row` of a packed matrix as the bits of f32 values, written to `target` from `at` on. */
export function unpackRow(words, offset, row, columns, target, at) {
  let from = offset + (row - (row % ROWS)) * (columns / 2) + (row % ROWS) * PAIRS
  for (let group = 0; group < columns; group += COLUMNS) {
    for (let i = 0; i < PAIRS; i++) {
      const word = words[from + i]
      target[at + group + i] = word << 16
      target[at + group + i + PAIRS] = word & 0xffff0000
    }
    from += ROWS * PAIRS
  }
}
