/**
 * The steps of a packed program that one thread does: loops over a few thousand numbers. Offsets count 4-byte elements from the start of
 * the memory. Products and attention are in kernels/packed.ts.
 */
import { unpackRow } from './pack.mjs'

const unary = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
}

const binary = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  max: Math.max,
  min: Math.min,
}

/** What each step does to the memory: `m.floats`, `m.ints` and `m.words` are views of all of it. */
export const steps = {
  unary({ floats }, { fn, x, y, count }) {
    const apply = unary[fn]
    for (let i = 0; i < count; i++) floats[y + i] = apply(floats[x + i])
  },

  // The common sums and products have loops of their own, which the compiler turns into plain arithmetic.
  add({ floats }, { a, b, y, count }) {
    for (let i = 0; i < count; i++) floats[y + i] = floats[a + i] + floats[b + i]
  },
  mul({ floats }, { a, b, y, count }) {
    for (let i = 0; i < count; i++) floats[y + i] = floats[a + i] * floats[b + i]
  },
  scale({ floats }, { a, b, y, count }) {
    const factor = floats[b]
    for (let i = 0; i < count; i++) floats[y + i] = floats[a + i] * factor
  },
  // Element i of y is made of the elements atA[i] and atB[i].
  binary(m, { fn, ints, a, b, atA, atB, y }) {
    const apply = binary[fn]
    const values = ints ? m.ints : m.floats
    for (let i = 0; i < atA.length; i++) values[y + i] = apply(values[a + atA[i]], values[b + atB[i]])
  },
  copy({ ints }, { x, y, at }) {
    for (let i = 0; i < at.length; i++) ints[y + i] = ints[x + at[i]]
  },
  place({ ints }, { x, y, at }) {
    for (let i = 0; i < at.length; i++) ints[y + at[i]] = ints[x + i]
  },
  toFloat({ floats, ints }, { x, y, count }) {
    for (let i = 0; i < count; i++) floats[y + i] = ints[x + i]
  },
  toInt({ floats, ints }, { x, y, count }) {
    for (let i = 0; i < count; i++) ints[y + i] = Math.trunc(floats[x + i])
  },

  silu({ exports }, { x, y, count }) {
    exports.silu(x * 4, y * 4, count)
  },
  geluTanh({ floats }, { x, y, count }) {
    for (let i = 0; i < count; i++) {
      const value = floats[x + i]
      const inner = Math.sqrt(2 / Math.PI) * (value + 0.044715 * value * value * value)
      floats[y + i] = 0.5 * value * (1 + Math.tanh(inner))
    }
  },
  rmsNorm({ exports }, { x, weight, y, rows, size, epsilon }) {
    exports.rmsNorm(x * 4, weight * 4, y * 4, rows, size, epsilon)
  },
  layerNorm({ floats }, { x, weight, bias, y, rows, size, epsilon }) {
    for (let at = 0; at < rows * size; at += size) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += floats[x + at + i]
      const mean = sum / size
      let squares = 0
      for (let i = 0; i < size; i++) squares += (floats[x + at + i] - mean) ** 2
      const inverse = 1 / Math.sqrt(squares / size + epsilon)
      for (let i = 0; i < size; i++)
        floats[y + at + i] = (floats[x + at + i] - mean) * inverse * floats[weight + i] + floats[bias + i]
    }
  },
  // x (batch, heads, half * 2), angles (batch or 1, half).
  rope({ floats }, { x, cos, sin, y, batch, heads, half, perRow }) {
    for (let row = 0; row < batch; row++) {
      const angle = perRow ? row * half : 0
      for (let head = 0; head < heads; head++) {
        const at = (row * heads + head) * 2 * half
        for (let i = 0; i < half; i++) {
          const c = floats[cos + angle + i]
          const s = floats[sin + angle + i]
          const first = floats[x + at + i]
          const second = floats[x + at + half + i]
          floats[y + at + i] = first * c - second * s
          floats[y + at + half + i] = second * c + first * s
        }
      }
    }
  },

  gather(m, { table, packed, rows, columns, indices, count, y }) {
    for (let i = 0; i < count; i++) {
      const row = m.ints[indices + i]
      if (row < 0 || row >= rows) throw new Error(`index ${row} lies outside a table of ${rows} rows`)
      if (packed) unpackRow(m.words, table, row, columns, m.words, y + i * columns)
      else m.words.copyWithin(y + i * columns, table + row * columns, table + (row + 1) * columns)
    }
  },
  // The largest of each row; of equal ones the first.
  largest({ floats, ints }, { x, rows, size, values, indices }) {
    for (let row = 0; row < rows; row++) {
      let best = 0
      let top = floats[x + row * size]
      for (let i = 1; i < size; i++) {
        const value = floats[x + row * size + i]
        if (value > top || Number.isNaN(top)) {
          top = value
          best = i
        }
      }
      if (values !== undefined) floats[values + row] = top
      if (indices !== undefined) ints[indices + row] = best
    }
  },

  plainProduct({ exports }, { w, x, y, rows, columns, vectors }) {
    exports.plainProduct(w * 4, x * 4, y * 4, rows, columns, vectors)
  },
  product(m, { w, x, y, rows, columns, vectors }) {
    // Enough chunks for the threads to even out, and few enough that claiming them costs nothing.
    const size = Math.max(16, Math.ceil(rows / (m.threads * 8) / ROWS_OF_BLOCK) * ROWS_OF_BLOCK)
    m.ints.set([w * 4, x * 4, y * 4, rows, columns, vectors, size], ARGUMENTS)
    m.ints[KIND] = PRODUCT
    m.exports.dispatch(Math.ceil(rows / size))
  },
  attention(m, step) {
    const { filled, batch, heads, slots, size, window } = step
    const used = m.ints[filled]
    if (used < 0 || used >= slots) throw new Error(`slot ${used} lies outside a cache of ${slots}`)
    const start = window === null ? 0 : Math.max(0, used - window + 1)
    let at = ARGUMENTS
    for (const name of ['q', 'keys', 'values', 'newKeys', 'newValues', 'y', 'scores', 'keep'])
      m.ints[at++] = step[name] * 4
    for (const name of ['heads', 'groups', 'slots', 'size']) m.ints[at++] = step[name]
    m.ints[at++] = used
    m.ints[at++] = start
    m.floats[at] = step.scale
    m.ints[KIND] = ATTENTION
    const chunks = batch * heads
    if (chunks * (used - start) * size < WORTH_SHARING) m.exports.attendAlone(chunks)
    else m.exports.dispatch(chunks)
  },
}

// As in kernels/packed.ts, in elements.
const KIND = 6
const ARGUMENTS = 8
const PRODUCT = 1
const ATTENTION = 2
const ROWS_OF_BLOCK = 4
const WORTH_SHARING = 1 << 16 // products of attention; below, telling another thread takes longer
