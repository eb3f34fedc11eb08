/** Random draws from a seed: the same on every machine. */
import { mix32 } from '@espalier/core'

const GOLDEN = 0x9e3779b9 // 2^32 / golden ratio spreads neighbouring counts

/** A stream of draws. Streams of different names are independent. */
export class Draw {
  private count = 0
  private readonly key: number

  constructor(seed: number, name = 0) {
    this.key = mix32((mix32(seed >>> 0) + Math.imul(name + 1, GOLDEN)) >>> 0)
  }

  /** A number in [0, 1). */
  next(): number {
    return mix32((this.key ^ mix32(++this.count)) >>> 0) / 2 ** 32
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.whole(0, i)
      ;[out[i], out[j]] = [out[j] as T, out[i] as T]
    }
    return out
  }
}
