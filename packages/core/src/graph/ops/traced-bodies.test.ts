/** Bodies traced once: for whom, and that each call has a copy of its own. */
import { describe, expect, it } from 'vitest'
import { isOp, topologicalOrder } from '../tensor.js'
import { barrier } from './barrier.js'
import { add, mul } from './binary.js'
import { type CallAttributes, type CallDefinition, call, expandCall } from './call.js'
import { constant } from './constant.js'
import { feed } from './input.js'

function counted() {
  const seen = { times: 0 }
  const definition: CallDefinition<CallAttributes & { readonly limit: number }> = {
    name: 'counted',
    body([x], { limit }) {
      seen.times++
      const [gated] = barrier([constant(limit)], [])
      return [add(mul(x!, x!), gated!), x!]
    },
  }
  const apply = (shape: readonly number[], limit: number) => call(definition, [feed('x', 'f32', shape)], { limit })[0]!
  return { seen, apply }
}

const expanded = (x: ReturnType<typeof feed>) => (isOp(x.node, 'call') ? expandCall(x.node) : [])

describe('tracedBody', () => {
  it('traces once for equal attributes and specs, and anew for others', () => {
    const { seen, apply } = counted()
    for (const x of [apply([2], 1), apply([2], 1)]) expanded(x)
    expect(seen.times).toBe(1)
    apply([3], 1)
    for (const limit of [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) apply([2], limit)
    expect(seen.times).toBe(6)
  })

  it('keeps the latest bodies, not all', () => {
    const { seen, apply } = counted()
    for (let size = 1; size <= 40; size++) apply([size], 1)
    apply([40], 1)
    expect(seen.times).toBe(40)
    apply([1], 1)
    expect(seen.times).toBe(41)
  })
})

describe('expandCall', () => {
  it('is a copy over the call’s own inputs, with barriers of its own', () => {
    const { apply } = counted()
    const calls = [apply([2], 1), apply([2], 1)]
    const [first, second] = calls.map((x) => expanded(x))
    for (const [i, x] of calls.entries()) {
      expect([first, second][i]?.[1]).toBe(x.node.inputs[0])
      expect(topologicalOrder([[first, second][i]![0]!])).toContain(x.node.inputs[0]?.node)
    }
    const barriers = [first, second].map((x) => topologicalOrder([x![0]!]).filter(({ op }) => op === 'barrier'))
    expect(barriers.map(({ length }) => length)).toEqual([1, 1])
    expect(barriers[0]?.[0]).not.toBe(barriers[1]?.[0])
  })
})
