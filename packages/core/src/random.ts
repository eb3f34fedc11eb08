/**
 * Random numbers that are the same everywhere: a 32-bit hash of strings, the integer mix behind dropout, and a seeded generator for
 * initial weights. None of it is for secrets.
 */

/** FNV-1a hash of a string's UTF-16 units, 32 bits. Source: Fowler, Noll, Vo; offset 2166136261, prime 16777619. */
export function hashString(text: string): number {
  let hash = 2166136261
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619)
  return hash >>> 0
}

/**
 * A bijective 32-bit mix with two multiplications and low bias. Source: Wellons, hash-prospector, "lowbias32"
 * (shifts 16, 15, 16; constants 0x7feb352d, 0x846ca68b). mix32(0) = 0, mix32(1) = 1753845952.
 */
export function mix32(value: number): number {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/** The key that one random site uses under one seed; bits are then mix32(index ^ key). */
export function siteKey(seed: number, site: number): number {
  return mix32((seed + Math.imul(site, 0x9e3779b9)) >>> 0) // 2^32 / golden ratio spreads neighbouring sites
}

/** A seed that nobody chose: another at every call. */
export function drawSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

/** A seeded generator. Names give independent streams, so the order of draws in one does not move another. */
export class Random {
  /** @param seed any integer; its low 32 bits count. */
  constructor(readonly seed: number) {}

  /** An independent generator for a name, such as a parameter's path. */
  at(name: string): Random {
    return new Random(mix32(siteKey(this.seed >>> 0, hashString(name))))
  }

  /** `count` numbers uniform in [-bound, bound). */
  uniform(count: number, bound: number): Float32Array {
    const next = generator(this.seed)
    const out = new Float32Array(count)
    for (let i = 0; i < count; i++) out[i] = (2 * next() - 1) * bound
    return out
  }

  /** `count` numbers from a normal distribution with mean 0 (Box and Muller). */
  normal(count: number, deviation: number): Float32Array {
    const next = generator(this.seed)
    const out = new Float32Array(count)
    for (let i = 0; i < count; i += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()))
      const angle = 2 * Math.PI * next()
      out[i] = radius * Math.cos(angle)
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle)
    }
    return out
  }

  /** The numbers 0 to count - 1 in a random order (Fisher and Yates). */
  permutation(count: number): Int32Array {
    const next = generator(this.seed)
    const out = new Int32Array(count)
    for (let i = 0; i < count; i++) out[i] = i
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1))
      const kept = out[i] as number
      out[i] = out[j] as number
      out[j] = kept
    }
    return out
  }
}

// sfc32 (Doty-Humphrey, PractRand), seeded through mix32: 53-bit numbers in [0, 1).
function generator(seed: number): () => number {
  let a = mix32(seed)
  let b = mix32(a ^ 0x9e3779b9)
  let c = mix32(b ^ 0x243f6a88) // first fraction bits of pi
  let counter = 1
  const word = () => {
    const t = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) word()
  return () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992
}
