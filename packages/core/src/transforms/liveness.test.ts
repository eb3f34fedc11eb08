import { describe, expect, it } from 'vitest'
import { barrier } from '../graph/ops/barrier.js'
import { feed } from '../graph/ops/input.js'
import { reshape } from '../graph/ops/reshape.js'
import { exp, sin } from '../graph/ops/unary.js'
import { type Tensor, topologicalOrder } from '../graph/tensor.js'
import { lastUses, lifetimes, memoryOwners } from './liveness.js'

const step = (inputs: string, outputs: string) => ({ inputs: [...inputs], outputs: [...outputs] })
const steps = [step('x', 'ab'), step('xa', 'c'), step('cw', 'd'), step('d', 'e')]

describe('lifetimes', () => {
  it('go from the step that makes a value to the last that reads it, and past the end for results', () => {
    expect(Object.fromEntries(lifetimes(steps, ['e', 'a']))).toEqual({
      x: { from: -1, to: 1 },
      a: { from: 0, to: 4 },
      b: { from: 0, to: 0 },
      c: { from: 1, to: 2 },
      w: { from: -1, to: 2 },
      d: { from: 2, to: 3 },
      e: { from: 3, to: 4 },
    })
  })

  it('of what shows another’s memory are the other’s', () => {
    const ownerOf = (value: string) => (value === 'c' ? 'a' : value)
    expect(lifetimes(steps, ['e'], ownerOf).get('a')).toEqual({ from: 0, to: 2 })
    expect(lifetimes(steps, ['e'], ownerOf).has('c')).toBe(false)
  })
})

describe('lastUses', () => {
  it('lists each value once, where it ends, but for results', () => {
    expect(lastUses(steps, ['e'])).toEqual([['b'], ['x', 'a'], ['c', 'w'], ['d']])
  })
})

describe('memoryOwners', () => {
  it('look through reshapes and barriers, output by output', () => {
    const x = feed('x', 'f32', [4])
    const [first, second] = barrier([reshape(sin(x), [2, 2]), x], [exp(x)]) as [Tensor, Tensor]
    const ownerOf = memoryOwners(topologicalOrder([first, second]))
    expect(ownerOf(first).node.attrs).toEqual({ fn: 'sin' })
    expect(ownerOf(second)).toBe(x)
  })
})
