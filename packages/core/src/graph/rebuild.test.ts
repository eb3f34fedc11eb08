/** Rebuilding graphs: sharing, several outputs, depth. */
import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff/gradients.js'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'
import { deduplicate } from '../transforms/deduplicate.js'
import { inlineCalls } from '../transforms/inline.js'
import { simplify } from '../transforms/simplify.js'
import { add, mul } from './ops/binary.js'
import { type CallDefinition, call } from './ops/call.js'
import { feed } from './ops/input.js'
import { reduceSum } from './ops/reduce.js'
import { topK } from './ops/top-k.js'
import { exp, neg, sin } from './ops/unary.js'
import { printGraph } from './print.js'
import { rebuild } from './rebuild.js'
import { isOp, type Tensor, topologicalOrder } from './tensor.js'
import { verifyGraph } from './verify.js'

describe('rebuild', () => {
  it('shares nodes that do not change and renews those above a change', () => {
    const x = feed('x', 'f32', [2])
    const [kept, changed] = [sin(x), exp(x)]
    const top = add(kept, changed)
    const [renewed] = rebuild([top], (node, inputs) =>
      isOp(node, 'unary') && node.attrs.fn === 'exp' ? [neg(inputs[0] as Tensor)] : undefined,
    )
    expect(renewed).not.toBe(top)
    expect(renewed?.node.inputs[0]).toBe(kept)
    expect(printGraph([renewed as Tensor])).toContain('fn=neg')
    expect(rebuild([top], () => undefined)[0]).toBe(top)
  })

  it('replaces each output of a node by its counterpart', () => {
    const x = feed('x', 'f32', [4])
    const { values, indices } = topK(x, 2)
    const roots = rebuild([indices, values], (node) =>
      node.op === 'topK' ? topK(neg(x), 2).values.node.outputs : undefined,
    )
    expect(roots.map(({ index, dtype }) => [index, dtype])).toEqual([
      [1, 'i32'],
      [0, 'f32'],
    ])
    verifyGraph(roots)
  })

  it('leaves what lies behind `stop` alone', () => {
    const x = feed('x', 'f32', [2])
    const middle = exp(x)
    const seen: string[] = []
    rebuild(
      [neg(middle)],
      (node) => {
        seen.push(node.op === 'unary' ? String((node.attrs as { fn: string }).fn) : node.op)
        return undefined
      },
      new Set([middle]),
    )
    expect(seen).toEqual(['neg'])
  })
})

describe('deep graphs', () => {
  const depth = 10_000
  const chain = (step: (x: Tensor, i: number) => Tensor) => {
    const x = feed('x', 'f32', [2])
    let y = x
    for (let i = 0; i < depth; i++) y = step(y, i)
    return { x, y: reduceSum(y) }
  }

  it('of 10,000 nodes are ordered, verified, rebuilt, simplified, printed and differentiated without recursion', () => {
    const { x, y } = chain((z, i) => (i % 2 === 0 ? sin(z) : mul(z, 1.0001)))
    const all = [y, ...gradients(y, [x])]
    expect(topologicalOrder(all).length).toBeGreaterThan(2 * depth)
    const renewed = rebuild(all, (node) => (node.op === 'input' ? feed('z', 'f32', [2]).node.outputs : undefined))
    expect(topologicalOrder(renewed)).toHaveLength(topologicalOrder(all).length)
    verifyGraph(simplify(deduplicate(all)))
    expect(printGraph(all).split('\n').length).toBeGreaterThan(2 * depth)
  })

  it('of calls are inlined in time linear in their number', async () => {
    const half: CallDefinition = { name: 'half', body: ([x]) => [mul(x as Tensor, 0.5)] }
    const twice: CallDefinition = {
      name: 'quarter',
      body: ([x]) => call(half, [call(half, [x as Tensor], {})[0] as Tensor], {}),
    }
    const count = 3000
    const build = () => {
      let y = feed('x', 'f32', [2])
      for (let i = 0; i < count; i++) y = add(call(twice, [y], {})[0] as Tensor, 1)
      return y
    }
    const visits = { count: 0 }
    const [flat] = inlineCalls([build()], () => {
      visits.count++
      return false
    })
    expect(topologicalOrder([flat as Tensor]).some(({ op }) => op === 'call')).toBe(false)
    // Each call is looked at once: the outer one and the two in its body.
    expect(visits.count).toBe(3 * count)
    const executable = await reference({ precision: 'f64' }).compile({ name: 'chain', outputs: { y: build() } })
    const { y } = await executable.run({ feeds: { x: hostTensor('f32', [2], [0, 8]) } })
    expect(Array.from(y?.data ?? [])).toEqual([Math.fround(4 / 3), Math.fround(4 / 3)])
  })
})
