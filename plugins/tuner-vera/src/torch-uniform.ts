/**
 * Numbers as PyTorch's CPU generator draws them, to the last bit. Whoever loads an adapter without its projections must draw the ones that it
 * was trained with. The generator is the Mersenne twister; source: Matsumoto and Nishimura 1998, doi:10.1145/272991.272995, with the
 * initialisation of 2002.
 */

const SIZE = 624
const MIDDLE = 397
const TWIST = 0x9908b0df
const HIGH_BIT = 0x80000000
const LOW_BITS = 0x7fffffff
const MULTIPLIER = 1812433253
const MANTISSA = 2 ** 24 // PyTorch makes a float32 of the low 24 bits

/** Draws one tensor after the other: `torch.empty(count).uniform_(-bound, bound, generator)` under a seed. */
export function torchUniform(seed: number): (count: number, bound: number) => Float32Array {
  const next = mersenneTwister(seed)
  return (count, bound) => {
    const from = Math.fround(-bound)
    const range = Math.fround(Math.fround(bound) - from)
    // The product and the sum are rounded once, as a fused multiply-add is.
    return Float32Array.from({ length: count }, () => ((next() % MANTISSA) / MANTISSA) * range + from)
  }
}

/** Whole numbers below 2^32. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1] as number
    state[i] = Math.imul(MULTIPLIER, previous ^ (previous >>> 30)) + i
  }
  let used = SIZE
  return () => {
    if (used === SIZE) used = twist(state)
    let word = state[used++] as number
    word ^= word >>> 11
    word ^= (word << 7) & 0x9d2c5680
    word ^= (word << 15) & 0xefc60000
    return (word ^ (word >>> 18)) >>> 0
  }
}

/** The next 624 words; gives how many of them are used. */
function twist(state: Uint32Array): number {
  for (let i = 0; i < SIZE; i++) {
    const joined = ((state[i] as number) & HIGH_BIT) | ((state[(i + 1) % SIZE] as number) & LOW_BITS)
    state[i] = (state[(i + MIDDLE) % SIZE] as number) ^ (joined >>> 1) ^ ((joined & 1) * TWIST)
  }
  return 0
}
