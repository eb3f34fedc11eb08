import { EXACT, expectClose, randomGraph } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostArray } from '../dtype.js'
import type { OpName } from '../graph/op-attrs.js'
import type { OpRule, Values } from '../graph/op-rule.js'
import { opRules } from '../graph/rules.js'
import { isOp, type Tensor, topologicalOrder } from '../graph/tensor.js'
import { sizeOf } from '../shape.js'
import { inlineCalls } from './inline.js'
import { type Lifetime, lifetimes, memoryOwners } from './liveness.js'
import { type Block, planArena } from './memory-plan.js'

const block = (size: number, from: number, to: number): Block => ({ size, from, to })

describe('planArena', () => {
  it('gives one place to values that follow each other, and places of their own to those that meet', () => {
    expect(planArena([block(4, 0, 1), block(4, 2, 3), block(4, 4, 5)])).toEqual({ offsets: [0, 0, 0], size: 4 })
    // A value that ends where another begins is read by the step that makes it.
    expect(planArena([block(4, 0, 1), block(4, 1, 2)])).toEqual({ offsets: [0, 4], size: 8 })
  })

  it('takes the smallest gap that fits', () => {
    const [tall, wide, low, small] = [block(8, 0, 9), block(6, 0, 4), block(5, 5, 9), block(1, 0, 9)]
    const { offsets, size } = planArena([small, low, wide, tall])
    expect(offsets).toEqual([14, 8, 8, 0])
    expect(size).toBe(15)
    // Between 8 and 14 one is free beside `low`, behind it none.
    expect(planArena([tall, wide, low, block(1, 6, 7)]).offsets[3]).toBe(13)
  })

  it('aligns', () => {
    expect(planArena([block(5, 0, 1), block(3, 1, 1), block(0, 1, 1)], 4)).toEqual({ offsets: [0, 8, 0], size: 12 })
  })

  it('lets random graphs run in the arena with the values that they have anywhere else', async () => {
    let [planned, separate] = [0, 0]
    for (let seed = 0; seed < 40; seed++) {
      const { want, got, size, total } = await inArena(seed, (life) => life)
      for (const [i, tensor] of want.entries()) expectClose(got[i], tensor, EXACT, `seed ${seed}, result ${i}`)
      planned += size
      separate += total
    }
    expect(planned).toBeLessThan(0.6 * separate)
  })

  it('would not with lives that are told too short', async () => {
    const runs = Array.from({ length: 10 }, async (_, seed) => {
      const { want, got } = await inArena(seed, ({ from }) => ({ from, to: from }))
      for (const [i, tensor] of want.entries()) expectClose(got[i], tensor, EXACT, `seed ${seed}, result ${i}`)
    })
    await expect(Promise.all(runs)).rejects.toMatchObject({ code: 'testkit.difference' })
  })
})

/** A random graph's results, computed by the reference executor and in an arena by the ops' own loops; sizes in elements. */
async function inArena(seed: number, lifeOf: (life: Lifetime) => Lifetime) {
  const { roots, feeds } = randomGraph(seed, 60)
  const results = inlineCalls(roots)
  const order = topologicalOrder(results)
  const ownerOf = memoryOwners(order)
  const lives = [...lifetimes(order, results, ownerOf)]
  const blocks = lives.map(([x, life]): Block => ({ size: sizeOf(x.shape), ...lifeOf(life) }))
  const { offsets, size } = planArena(blocks, 2)
  const places = new Map(lives.map(([x], i) => [x, offsets[i] as number]))
  const arena = new Float64Array(size)
  const held = (x: Tensor): Values => {
    const at = places.get(ownerOf(x)) as number
    const values = hostArray(x.dtype, sizeOf(x.shape)) as Values
    values.set(arena.subarray(at, at + values.length))
    return values
  }
  for (const node of order) {
    const outputs = node.outputs.map((x) => hostArray(x.dtype, sizeOf(x.shape)) as Values)
    if (isOp(node, 'input')) outputs[0]?.set((feeds[node.attrs.name] as HostTensor).data as Float32Array)
    else (opRules[node.op] as OpRule<OpName>).reference(node, node.inputs.map(held), outputs)
    node.outputs.forEach((x, i) => {
      if (ownerOf(x) === x) arena.set(outputs[i] as Values, places.get(x))
    })
  }
  const outputs = Object.fromEntries(results.map((x, i) => [String(i), x]))
  const given = Object.fromEntries(
    order.flatMap((node) => (isOp(node, 'input') ? [[node.attrs.name, feeds[node.attrs.name] as HostTensor]] : [])),
  )
  const run = await (await reference().compile({ name: 'random', outputs })).run({ feeds: given })
  const got = results.map((x): HostTensor => ({ dtype: x.dtype, shape: x.shape, data: held(x) }))
  const want = results.map((_, i) => run[String(i)] as HostTensor)
  return { want, got, size, total: blocks.reduce((sum, one) => sum + one.size, 0) }
}
