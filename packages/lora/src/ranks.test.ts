import type { Site } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { loraDefaults } from './config.js'
import { rankAt, scalingAt, unmatchedPatterns } from './ranks.js'

const site = (path: string): Site => ({ path, paths: [path], kind: 'linear', inSize: 4, outSize: 4, hasBias: false })
const q = site('model.layers.1.q_proj')

describe('rankAt', () => {
  it('takes the first pattern that matches, in the order of the object', () => {
    const config = {
      ...loraDefaults,
      rankPattern: { 'layers\\.1\\.q_proj': 2, q_proj: 3, '^model.layers.0.q_proj': 4 },
    }
    expect(rankAt(q, config)).toBe(2)
    expect(rankAt(site('model.layers.0.q_proj'), config)).toBe(3)
    expect(rankAt(site('model.layers.0.v_proj'), config)).toBe(8)
  })
})

describe('scalingAt', () => {
  it('is alpha / r, or alpha / sqrt(r) with rsLoRA, with the layer’s own rank and alpha', () => {
    const config = { ...loraDefaults, loraAlpha: 32, rankPattern: { q_proj: 4 }, alphaPattern: { q_proj: 3 } }
    expect(scalingAt(site('x'), config)).toBe(4)
    expect(scalingAt(q, config)).toBe(3 / 4)
    expect(scalingAt(q, { ...config, useRslora: true })).toBe(3 / 2)
  })
})

describe('unmatchedPatterns', () => {
  it('names the patterns that match nothing', () => {
    expect(unmatchedPatterns({ q_proj: 1, proj: 2 }, [q])).toEqual(['proj'])
  })
})
