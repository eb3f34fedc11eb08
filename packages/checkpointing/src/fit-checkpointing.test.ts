import { describe, expect, it } from 'vitest'
import type { CheckpointingOptions } from './checkpoint-activations.js'
import { fitCheckpointing } from './fit-checkpointing.js'

const LAYERS = 20
const HEAD = 50 // bytes beside the layers

/** A run of layers of 100 bytes: what each kind leaves of one, and of several at once. */
function bytesOf(options: readonly CheckpointingOptions[]): number {
  let [left, sum, working] = [LAYERS, HEAD, 0]
  for (const { layers = LAYERS, every = 1, keepsProducts, keepsResiduals } of options) {
    const taken = Math.min(left, layers as number)
    left -= taken
    sum += (taken * (keepsProducts ? 60 : keepsResiduals ? 20 : 10)) / every
    working = Math.max(working, keepsProducts || taken === 0 ? 0 : 30 * every)
  }
  return sum + 100 * left + working
}

const fit = (budget: number, atLeast?: CheckpointingOptions) => {
  let asked = 0
  const count = (options: readonly CheckpointingOptions[]) => {
    asked++
    return bytesOf(options)
  }
  const found = fitCheckpointing({ budget, layers: LAYERS, bytesOf: count, ...(atLeast && { atLeast }) })
  expect(found.bytes).toBe(bytesOf(found.options))
  expect(found.bytes).toBeLessThanOrEqual(budget)
  expect(asked).toBeLessThanOrEqual(12)
  return found.options
}

describe('a memory budget', () => {
  it('that everything fits in has nothing made again', () => {
    expect(fit(HEAD + 100 * LAYERS)).toEqual([])
  })

  it('has as few layers made again as fit, of the kind that costs the least', () => {
    expect(fit(1900)).toEqual([{ keepsProducts: true, layers: 4 }])
    expect(fit(1250)).toEqual([{ keepsProducts: true }])
    expect(fit(1249)).toEqual([{ keepsResiduals: true, layers: 1 }, { keepsProducts: true }])
    expect(fit(400)).toEqual([{ layers: 8 }, { keepsResiduals: true }])
    expect(fit(270)).toEqual([{ every: 2, layers: 8 }, {}])
  })

  it('begins with what is made again in any case', () => {
    expect(fit(10_000, { every: 3 })).toEqual([{ every: 3 }])
    expect(fit(700, {})).toEqual([{}])
  })

  it('that nothing fits in is refused with the least that is possible', () => {
    const least = Math.ceil(Math.min(...[1, 2, 3, 4, 5].map((every) => bytesOf([{ every }]))))
    expect(() => fit(least - 1)).toThrow(
      expect.objectContaining({ code: 'memory.budget', details: { memoryBudget: least - 1, least } }),
    )
    expect(fit(least)).toHaveLength(1)
  })
})
