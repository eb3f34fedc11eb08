/** Norms, activations, rotary positions, dropout and losses against their definitions in plain loops. */
import { describe, expect, it } from 'vitest'
import { gradients } from '../autodiff/gradients.js'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { erf } from '../graph/ops/erf.js'
import { feed } from '../graph/ops/input.js'
import { matmul } from '../graph/ops/matmul.js'
import { reduceSum } from '../graph/ops/reduce.js'
import { tanh } from '../graph/ops/unary.js'
import type { Tensor } from '../graph/tensor.js'
import { hashString, mix32, Random, siteKey } from '../random.js'
import { sizeOf } from '../shape.js'
import { gelu, relu, silu } from './activations.js'
import { crossEntropy, crossEntropyOfLogits } from './cross-entropy.js'
import { detach } from './detach.js'
import { dropout, dropoutThreshold } from './dropout.js'
import { layerNorm, rmsNorm } from './norms.js'
import { rope } from './rope.js'
import { softmax } from './softmax.js'

const CLOSE = 1e-12 // float64 throughout

const random = (shape: readonly number[], seed: number) =>
  hostTensor('f64', shape, new Random(seed).normal(sizeOf(shape), 1))
const list = (x: HostTensor | undefined) => Array.from(x?.data ?? [])

async function run(build: (...inputs: Tensor[]) => Tensor, tensors: readonly HostTensor[]): Promise<number[]> {
  const inputs = tensors.map(({ dtype, shape }, i) => feed(String(i), dtype, shape))
  const executable = await reference().compile({ name: 'layer', outputs: { y: build(...inputs) } })
  return list((await executable.run({ feeds: Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor])) })).y)
}

function expectNear(got: readonly number[], want: readonly number[], tolerance = CLOSE) {
  expect(got).toHaveLength(want.length)
  expect(Math.max(...want.map((x, i) => Math.abs(x - (got[i] as number))))).toBeLessThan(tolerance)
}

const logSumExp = (row: readonly number[]) => Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))

describe('activations', () => {
  const x = hostTensor('f64', [7], [-6, -1.3, -0.2, 0, 0.4, 2, 7])
  const of = (f: (v: number) => number) => list(x).map(f)
  it('are their definitions', async () => {
    expectNear(
      await run(silu, [x]),
      of((v) => v / (1 + Math.exp(-v))),
    )
    expectNear(
      await run((v) => gelu(v), [x]),
      of((v) => 0.5 * v * (1 + erf(v / Math.SQRT2))),
    )
    expectNear(
      await run((v) => gelu(v, 'tanh'), [x]),
      of((v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))),
    )
    expectNear(
      await run(relu, [x]),
      of((v) => Math.max(v, 0)),
    )
  })
})

describe('softmax', () => {
  it('is its definition, also far from 0', async () => {
    const x = [1, 2, 4].map((v) => v + 1000)
    const total = [1, 2, 4].reduce((sum, v) => sum + Math.exp(v), 0)
    expectNear(
      await run(softmax, [hostTensor('f64', [1, 3], x)]),
      [1, 2, 4].map((v) => Math.exp(v) / total),
    )
  })
})

describe('norms', () => {
  it('are their definitions', async () => {
    const [x, weight, bias] = [random([3, 5], 1), random([5], 2), random([5], 3)]
    const rows = [0, 1, 2].map((i) => list(x).slice(5 * i, 5 * i + 5))
    const scale = (row: number[]) => 1 / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / 5 + 1e-5)
    expectNear(
      await run((a, w) => rmsNorm(a as Tensor, w as Tensor, 1e-5), [x, weight]),
      rows.flatMap((row) => row.map((v, j) => v * scale(row) * (list(weight)[j] as number))),
    )
    const centred = (row: number[]) => row.map((v) => v - row.reduce((sum, u) => sum + u, 0) / 5)
    expectNear(
      await run((a, w, b) => layerNorm(a as Tensor, w as Tensor, b as Tensor, 1e-5), [x, weight, bias]),
      rows.flatMap((row) =>
        centred(row).map((v, j) => v * scale(centred(row)) * (list(weight)[j] as number) + (list(bias)[j] as number)),
      ),
    )
  })
})

describe('in f16', () => {
  const half = (values: readonly number[]) => hostTensor('f16', [1, values.length], values)
  const floats = async (build: (...inputs: Tensor[]) => Tensor, ...tensors: HostTensor[]) =>
    run((...inputs) => cast(build(...inputs), 'f64'), tensors)

  it('sums of squares and cubes that overflow 65504 are computed in f32, forward and backward', async () => {
    const x = half([400, -400, 300, 0])
    const ones = hostTensor('f16', [4], [1, 1, 1, 1])
    const root = Math.sqrt((2 * 400 ** 2 + 300 ** 2) / 4)
    const normed = await floats((a, w) => rmsNorm(a as Tensor, w as Tensor, 1e-6), x, ones)
    expectNear(
      normed,
      [400, -400, 300, 0].map((v) => v / root),
      1e-3,
    )
    expectNear(await floats((a) => gelu(a as Tensor, 'tanh'), half([60, -60])), [60, 0], 1e-3)
    const slope = await floats((a) => gradients(reduceSum(gelu(a, 'tanh')), [a])[0] as Tensor, half([60, -60]))
    expectNear(slope, [1, 0], 1e-3)
  })

  it('results have the dtype of the input, losses are f32', () => {
    const x = feed('x', 'f16', [2, 4])
    const row = feed('w', 'f16', [4])
    const wide = feed('v', 'f32', [4])
    const targets = feed('t', 'i32', [2])
    const weights = feed('c', 'f32', [2])
    for (const y of [rmsNorm(x, row, 1e-6), rmsNorm(x, wide, 1e-6), layerNorm(x, wide, row, 1e-6), silu(x), softmax(x)])
      expect(y.dtype).toBe('f16')
    const table = feed('e', 'f16', [7, 4])
    expect(crossEntropy(x, table, targets, weights).dtype).toBe('f32')
    expect(crossEntropyOfLogits(x, targets, weights).dtype).toBe('f32')
    for (const [i, g] of gradients(crossEntropy(x, table, targets, weights), [x, table]).entries())
      expect(g.dtype, String(i)).toBe('f16')
  })
})

describe('rope', () => {
  it('turns the pair (i, i + size / 2) by its angle and keeps lengths', async () => {
    const [x, angle] = [random([1, 2, 3, 4], 4), random([1, 3, 2], 5)]
    const [cos, sin] = [Math.cos, Math.sin].map((f) => hostTensor('f64', [1, 3, 2], list(angle).map(f)))
    const got = await run(
      (a, c, s) => rope(a as Tensor, c as Tensor, s as Tensor),
      [x, cos as HostTensor, sin as HostTensor],
    )
    const want = list(x).map((value, i) => {
      const [token, d] = [Math.floor(i / 4) % 3, i % 4]
      const turn = list(angle)[token * 2 + (d % 2)] as number
      const other = list(x)[d < 2 ? i + 2 : i - 2] as number
      return value * Math.cos(turn) + (d < 2 ? -other : other) * Math.sin(turn)
    })
    expectNear(got, want)
  })
})

describe('dropout', () => {
  it('drops what its random bits say, scales the rest, and is nothing at rate 0', async () => {
    const x = feed('x', 'f32', [1000])
    const program = { name: 'dropout', outputs: { y: dropout(x, feed('seed', 'u32', []), 0.25, 'a.b') } }
    const executable = await reference().compile(program)
    const { y } = await executable.run({
      feeds: { x: hostTensor('f32', [1000], new Float32Array(1000).fill(3)), seed: hostTensor('u32', [], [9]) },
    })
    const key = siteKey(9, hashString('a.b'))
    const want = Array.from({ length: 1000 }, (_, i) => (mix32((i ^ key) >>> 0) < 0.25 * 2 ** 32 ? 0 : 4))
    expect(list(y)).toEqual(want)
    const dropped = want.filter((v) => v === 0).length
    expect(Math.abs(dropped - 250)).toBeLessThan(70) // five standard errors
    expect(dropout(x, x, 0, 'a')).toBe(x)
    expect(dropoutThreshold(0.5)).toBe(2 ** 31)
  })
})

describe('crossEntropy', () => {
  const [hidden, weight] = [random([5, 3], 6), random([4, 3], 7)]
  const [targets, weights] = [hostTensor('i32', [5], [0, 3, 1, 1, 2]), hostTensor('f64', [5], [1, 0, 2, 0.5, 1])]
  const logits = [0, 1, 2, 3, 4].map((i) =>
    [0, 1, 2, 3].map((c) =>
      [0, 1, 2].reduce((sum, d) => sum + (list(hidden)[3 * i + d] as number) * (list(weight)[3 * c + d] as number), 0),
    ),
  )
  const want = logits.reduce(
    (sum, row, i) =>
      sum + (list(weights)[i] as number) * (logSumExp(row) - (row[list(targets)[i] as number] as number)),
    0,
  )

  it('is the weighted sum of -log p(target), for every size of block', async () => {
    for (const block of [1, 2, 5, 256]) {
      expectNear(
        await run(
          (...given) => crossEntropy(...(given as [Tensor, Tensor, Tensor, Tensor]), { block }),
          [hidden, weight, targets, weights],
        ),
        [want],
      )
    }
  })

  it.each([0, 0.25])(
    'caps logits block by block, with the gradients of the capped logits, %s smoothed',
    async (share) => {
      const cap = 0.4
      const feeds = [hidden, weight, targets, weights]
      const options = { labelSmoothing: share }
      const blocks = (given: readonly Tensor[]) =>
        crossEntropy(...(given as [Tensor, Tensor, Tensor, Tensor]), { block: 2, softCap: cap, ...options })
      const whole = ([h, w, t, counts]: readonly Tensor[]) => {
        const raw = matmul(h as Tensor, w as Tensor, { transposeB: true })
        return crossEntropyOfLogits(mul(tanh(mul(raw, 1 / cap)), cap), t as Tensor, counts as Tensor, options)
      }
      expectNear(
        await run((...given) => blocks(given as Tensor[]), feeds),
        await run((...given) => whole(given as Tensor[]), feeds),
      )
      for (const side of [0, 1]) {
        const slope = (loss: typeof whole) =>
          run((...given) => gradients(loss(given as Tensor[]), [given[side] as Tensor])[0] as Tensor, feeds)
        expectNear(await slope(blocks), await slope(whole))
      }
    },
  )

  it('is the same from logits', async () => {
    const given = hostTensor('f64', [5, 4], logits.flat())
    expectNear(
      await run((l, t, w) => crossEntropyOfLogits(l as Tensor, t as Tensor, w as Tensor), [given, targets, weights]),
      [want],
    )
  })

  it('stays finite for logits far apart', async () => {
    const far = hostTensor('f32', [1, 2], [1000, -1000])
    const loss = async (target: number) =>
      run(
        (l, t, w) => crossEntropyOfLogits(l as Tensor, t as Tensor, w as Tensor),
        [far, hostTensor('i32', [1], [target]), hostTensor('f32', [1], [1])],
      )
    expect([await loss(0), await loss(1)]).toEqual([[0], [2000]])
  })
})

describe('detach', () => {
  it('is its input, and a constant of differentiation', async () => {
    const x = hostTensor('f64', [3], [2, -1, 0.5])
    expectNear(await run((v) => detach(v), [x]), list(x))
    const slope = (v: Tensor) => gradients(reduceSum(mul(v, detach(v))), [v])[0] as Tensor
    expectNear(await run(slope, [x]), list(x)) // x, not 2 x
    const twice = (v: Tensor) => gradients(reduceSum(add(v, detach(v))), [v])[0] as Tensor
    expectNear(await run((v) => mul(v, twice(v)), [x]), list(x)) // 1 each, not 2
  })
})
