import { type Context, constant, feed, hostTensor, Random, reference, sizeOf, Trace } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { attendWithDropout } from './attend-with-dropout.js'

const shapes = { q: [2, 4, 5, 6], k: [2, 2, 5, 6], v: [2, 2, 5, 6] } as const
const feeds = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    hostTensor('f32', shape, new Random(3).at(name).normal(sizeOf(shape), 1)),
  ]),
)
const keep = hostTensor('bool', [2, 5], [1, 1, 1, 0, 0, 1, 1, 1, 1, 1])

async function attended(rate: number, seed: boolean, causal: boolean) {
  const [q, k, v] = (['q', 'k', 'v'] as const).map((name) => feed(name, 'f32', shapes[name])) as [never, never, never]
  const context: Context = {
    batch: 2,
    length: 5,
    positions: constant(0, 'i32', [1, 5]),
    mask: { causal, keep: feed('keep', 'bool', [2, 5]) },
    ...(seed ? { seed: constant(9, 'u32') } : {}),
    trace: new Trace(),
  }
  const y = attendWithDropout(q, k, v, context, { layer: 0, scale: 0.4, dropout: rate, site: 'a' })
  const executable = await reference().compile({ name: 'attend', outputs: { y } })
  return Array.from((await executable.run({ feeds: { ...feeds, keep } })).y?.data ?? [], Number)
}

describe('attendWithDropout', () => {
  it.each([true, false])('with hardly any dropout gives what plain attention gives (causal: %s)', async (causal) => {
    const [plain, dropped] = await Promise.all([attended(0, true, causal), attended(1e-9, true, causal)])
    const worst = Math.max(...plain.map((x, i) => Math.abs(x - (dropped[i] as number))))
    expect(worst).toBeLessThan(1e-6) // float32, sums of five terms
  })

  it('drops only in a pass with a seed', async () => {
    const [plain, still, dropped] = await Promise.all([
      attended(0, false, true),
      attended(0.5, false, true),
      attended(0.5, true, true),
    ])
    expect(still).toEqual(plain)
    expect(dropped).not.toEqual(plain)
  })
})
