/** Random numbers that other programs and other backends have to repeat. */
import { describe, expect, it } from 'vitest'
import { hashString, mix32, Random, siteKey } from './random.js'

/** lowbias32 in exact arithmetic. */
function mixByDefinition(value: number): number {
  const mask = 0xffffffffn
  let x = BigInt(value)
  x = ((x ^ (x >> 16n)) * 0x7feb352dn) & mask
  x = ((x ^ (x >> 15n)) * 0x846ca68bn) & mask
  return Number(x ^ (x >> 16n))
}

describe('mix32', () => {
  it('has the published test vectors', () => {
    expect(mix32(0)).toBe(0)
    expect(mix32(1)).toBe(1753845952)
    expect([2, 12345, 0xffffffff].map(mix32)).toEqual([2, 12345, 0xffffffff].map(mixByDefinition))
  })

  it('agrees with its definition in exact arithmetic and takes any 32-bit number', () => {
    for (let i = 0; i < 2000; i++) {
      const x = Math.imul(i, 0x9e3779b1) >>> 0
      expect(mix32(x)).toBe(mixByDefinition(x))
      expect(mix32(x | 0)).toBe(mix32(x))
    }
  })
})

describe('hashString', () => {
  it('is FNV-1a', () => {
    expect(hashString('')).toBe(0x811c9dc5)
    expect(hashString('a')).toBe(0xe40c292c)
    expect(hashString('foobar')).toBe(0xbf9cf968)
  })
})

describe('siteKey', () => {
  it('differs between seeds and sites', () => {
    const keys = [0, 1, 2, 77].flatMap((seed) => [0, 1, 2, 0xdeadbeef].map((site) => siteKey(seed, site)))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('Random', () => {
  it('repeats for a seed, and differs between seeds and names', () => {
    const draw = (random: Random) => Array.from(random.uniform(4, 1))
    expect(draw(new Random(1))).toEqual(draw(new Random(1)))
    const all = [new Random(1), new Random(2), new Random(1).at('a'), new Random(1).at('b'), new Random(2).at('a')].map(
      (random) => draw(random).join(),
    )
    expect(new Set(all).size).toBe(all.length)
  })

  it('keeps its values from version to version', () => {
    expect(Array.from(new Random(42).uniform(3, 1))).toMatchInlineSnapshot(`
      [
        0.10580279678106308,
        0.9962683916091919,
        -0.26248377561569214,
      ]
    `)
    expect(Array.from(new Random(42).normal(3, 1))).toMatchInlineSnapshot(`
      [
        1.2687517404556274,
        -0.014874586835503578,
        0.9095196723937988,
      ]
    `)
    expect(Array.from(new Random(42).permutation(6))).toMatchInlineSnapshot(`
      [
        2,
        5,
        0,
        1,
        4,
        3,
      ]
    `)
  })

  it('is uniform and normal to a few standard errors', () => {
    const count = 40_000
    const uniform = new Random(3).uniform(count, 2)
    const normal = new Random(4).normal(count + 1, 3)
    const mean = (x: Float32Array) => x.reduce((a, b) => a + b, 0) / x.length
    const variance = (x: Float32Array) => x.reduce((a, b) => a + b * b, 0) / x.length - mean(x) ** 2
    expect(Math.abs(mean(uniform))).toBeLessThan(0.03) // 5 times 2 / sqrt(3 * 40000)
    expect(Math.abs(variance(uniform) - 4 / 3)).toBeLessThan(0.04)
    expect(uniform.every((x) => x >= -2 && x <= 2)).toBe(true)
    expect(Math.abs(mean(normal))).toBeLessThan(0.075)
    expect(Math.abs(variance(normal) - 9)).toBeLessThan(0.35)
  })

  it('permutes each number once', () => {
    const order = new Random(5).permutation(1000)
    expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  })
})
