/** Estimates of memory, counted by hand on small graphs. */
import { describe, expect, it } from 'vitest'
import { add, mul } from '../graph/ops/binary.js'
import { feed, input } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { reshape } from '../graph/ops/reshape.js'
import { topK } from '../graph/ops/top-k.js'
import { exp, sin } from '../graph/ops/unary.js'
import { gelu } from '../nn/activations.js'
import { peakMemory } from './peak-memory.js'

const x = feed('x', 'f32', [100]) // 400 bytes

describe('peakMemory', () => {
  it('frees values after their last use', () => {
    // One step holds its input and its output.
    expect(peakMemory([exp(sin(exp(x)))]).intermediates).toBe(800)
    // x waits for the product.
    expect(peakMemory([mul(exp(sin(x)), x)]).intermediates).toBe(1200)
  })

  it('keeps results to the end', () => {
    const first = sin(x)
    expect(peakMemory([first, reduceSum(exp(first))]).intermediates).toBe(800 + 4)
  })

  it('counts weights and state apart, each once', () => {
    const w = input('weight', 'w', 'f32', [100, 100])
    const s = input('state', 's', 'f16', [1, 100])
    const row = reshape(x, [1, 100])
    const memory = peakMemory([add(matmul(row, w), matmul(matmul(row, w), w)), s])
    expect([memory.weights, memory.state]).toEqual([40_000, 200])
    expect(memory.intermediates).toBe(1200)
  })

  it('counts a reshape as the value it shows, and an unused output only while its node runs', () => {
    expect(peakMemory([exp(reshape(sin(x), [10, 10]))]).intermediates).toBe(800)
    // values (40) and indices (40) of topK beside x (400), then values and exp.
    expect(peakMemory([exp(topK(x, 10).values)]).intermediates).toBe(480)
  })

  it('looks into calls', () => {
    expect(peakMemory([gelu(x)]).intermediates).toBeGreaterThan(800)
  })
})
