import { describe, expect, it } from 'vitest'
import { firstSlots, moreSlots, promptBucket } from './buckets.js'

describe('promptBucket', () => {
  it('gives few sizes and pads by less than a half', () => {
    const sizes = Array.from({ length: 2048 }, (_, i) => promptBucket(i + 1, null))
    expect([...new Set(sizes)]).toEqual([16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048])
    expect(sizes.every((size, i) => size >= i + 1 && (i < 16 || size < 1.5 * (i + 1)))).toBe(true)
  })

  it("never exceeds the model's positions", () => {
    expect(promptBucket(45, 50)).toBe(48)
    expect(promptBucket(50, 50)).toBe(50)
  })
})

describe('firstSlots', () => {
  it('holds a short answer from the start and leaves long ones to growth', () => {
    expect(firstSlots(16, 40)).toBe(128)
    expect(firstSlots(16, 200)).toBe(256)
    expect(firstSlots(16, 5000)).toBe(256)
    expect(firstSlots(512, 600)).toBe(1024)
    expect(moreSlots(512)).toBe(1024)
  })
})
