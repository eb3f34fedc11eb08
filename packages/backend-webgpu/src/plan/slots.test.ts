/** Memory is shared by values that are never needed at once, and by no others. */
import { Random } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { assignSlots } from './slots.js'

describe('assignSlots', () => {
  it('gives one slot to values that follow each other, as large as the largest', () => {
    const tenants = [
      { bytes: 8, from: 0, to: 1 },
      { bytes: 32, from: 2, to: 3 },
      { bytes: 16, from: 4, to: 4 },
    ]
    expect(assignSlots(tenants)).toEqual({ slotOf: [0, 0, 0], bytes: [32] })
  })

  it('keeps a value apart from what is written in the step that reads it last', () => {
    const { slotOf } = assignSlots([
      { bytes: 8, from: 0, to: 2 },
      { bytes: 8, from: 2, to: 3 },
    ])
    expect(slotOf[0]).not.toBe(slotOf[1])
  })

  it('takes the smallest slot that is free', () => {
    const { slotOf, bytes } = assignSlots([
      { bytes: 64, from: 0, to: 1 },
      { bytes: 16, from: 0, to: 1 },
      { bytes: 8, from: 2, to: 2 },
    ])
    expect(bytes).toEqual([64, 16])
    expect(slotOf[2]).toBe(slotOf[1])
  })

  it.each([1, 2, 3])('overlaps nothing that lives at once, and fits everything (seed %i)', (seed) => {
    const draws = new Random(seed).uniform(300, 1)
    const whole = (i: number, below: number) => Math.floor((((draws[i] as number) + 1) / 2) * below)
    const tenants = Array.from({ length: 100 }, (_, i) => {
      const from = whole(3 * i, 50)
      return { from, to: from + whole(3 * i + 1, 10), bytes: 4 * (1 + whole(3 * i + 2, 100)) }
    })
    const { slotOf, bytes } = assignSlots(tenants)
    for (const [i, a] of tenants.entries()) {
      expect(bytes[slotOf[i] as number]).toBeGreaterThanOrEqual(a.bytes)
      for (const [j, b] of tenants.slice(0, i).entries())
        if (slotOf[i] === slotOf[j]) expect(a.to < b.from || b.to < a.from).toBe(true)
    }
  })
})
