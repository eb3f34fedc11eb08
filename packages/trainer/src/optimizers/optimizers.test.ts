import { type HostTensor, hostTensor, programSlots, reference, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { type ParameterGroup, parameterGroups } from '../parameter-groups.js'
import { applyProgram, gradientSlot, initialOptimizerState } from '../programs.js'
import { adafactor } from './adafactor.js'
import { adagrad } from './adagrad.js'
import { adam } from './adam.js'
import { adamw } from './adamw.js'
import { muon } from './muon.js'
import type { Optimizer } from './optimizer.js'
import { rmsprop } from './rmsprop.js'
import { sgd } from './sgd.js'

interface Setting {
  readonly learningRate: number
  readonly weightDecay?: number
}

/** Values of one parameter after each of the steps, run through the apply program as training does. */
async function run(
  optimizer: Optimizer,
  start: number[],
  gradients: number[][],
  setting: Setting,
  shape: readonly number[] = [start.length],
): Promise<number[][]> {
  const backend = reference()
  const trained = new Map([['p', { dtype: 'f32' as const, shape }]])
  const groups = parameterGroups(trained, { optimizer, weightDecay: () => setting.weightDecay ?? 0 })
  const parameters = await backend.createState(new Map([['p', hostTensor('f32', shape, start)]]))
  const state = await backend.createState(initialOptimizerState(groups, optimizer))
  const program = applyProgram(groups, { optimizer, clips: false })
  const executable = await backend.compile(program)
  const results: number[][] = []
  for (const [i, gradient] of gradients.entries()) {
    await state.write(new Map([[gradientSlot(groups[0] as ParameterGroup), hostTensor('f32', shape, gradient)]]))
    const values = { count: 1, learning_rate: setting.learningRate, ...optimizer.scalars(i + 1) }
    const feeds = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, hostTensor('f32', [], [value])]),
    )
    const { feed: slots } = programSlots(program)
    const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => slots.has(name)))
    await executable.run({ feeds: used, state: [{ set: parameters }, { set: state }] })
    results.push([...((await parameters.read()).get('p') as HostTensor).data] as number[])
  }
  return results
}

function expectClose(got: number[][], want: number[][]): void {
  expect(got).toHaveLength(want.length)
  for (const [i, row] of want.entries())
    for (const [j, value] of row.entries()) expect(got[i]?.[j], `step ${i + 1}, value ${j}`).toBeCloseTo(value, 6) // float32
}

describe('adamw', () => {
  it('moves by the learning rate at first, whatever the size of the gradient', async () => {
    // m / (1 - b1) = g and sqrt(v / (1 - b2)) = |g|, so the first step is rate * sign(g).
    const [first] = await run(adamw(), [1, -2], [[0.001, -40]], { learningRate: 0.1 })
    expect(first?.[0]).toBeCloseTo(0.9, 5)
    expect(first?.[1]).toBeCloseTo(-1.9, 5)
  })

  it('gives torch.optim.AdamW’s values over three steps with decay', async () => {
    // By hand, in doubles: p <- p (1 - lr wd); m, v; p <- p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).
    const [lr, wd, b1, b2, eps] = [0.05, 0.1, 0.9, 0.99, 1e-8]
    const gradients = [
      [0.5, -1],
      [0.1, 2],
      [-0.3, 0],
    ]
    const want: number[][] = []
    const [p, m, v] = [
      [1, -1],
      [0, 0],
      [0, 0],
    ] as [number[], number[], number[]]
    for (const [i, g] of gradients.entries()) {
      for (let j = 0; j < 2; j++) {
        m[j] = b1 * m[j]! + (1 - b1) * g[j]!
        v[j] = b2 * v[j]! + (1 - b2) * g[j]! ** 2
        const denominator = Math.sqrt(v[j]!) / Math.sqrt(1 - b2 ** (i + 1)) + eps
        p[j] = p[j]! * (1 - lr * wd) - (lr / (1 - b1 ** (i + 1))) * (m[j]! / denominator)
      }
      want.push([...p])
    }
    expectClose(await run(adamw({ beta2: b2 }), [1, -1], gradients, { learningRate: lr, weightDecay: wd }), want)
  })

  it('refuses settings outside their ranges', () => {
    expect(() => adamw({ beta1: 1 })).toThrowError(expect.objectContaining({ code: 'config.value' }))
    expect(() => adamw({ epsilon: 0 })).toThrowError(expect.objectContaining({ code: 'config.value' }))
  })
})

describe('sgd', () => {
  const gradients = [[1], [2], [-1]]
  const setting = { learningRate: 0.1 }

  it('is plain descent without momentum', async () => {
    expectClose(await run(sgd(), [1], gradients, setting), [[0.9], [0.7], [0.8]])
  })

  it('adds decay to the gradient', async () => {
    // 1 - 0.1 (1 + 0.5 * 1) = 0.85; 0.85 - 0.1 (2 + 0.425) = 0.6075
    expectClose(await run(sgd(), [1], gradients.slice(0, 2), { ...setting, weightDecay: 0.5 }), [[0.85], [0.6075]])
  })

  it('starts its buffer at the first gradient, without dampening', async () => {
    // buffers 1; 0.9 + 2 = 2.9; 2.61 - 1 = 1.61
    expectClose(await run(sgd({ momentum: 0.9 }), [1], gradients, setting), [[0.9], [0.61], [0.449]])
    // buffers 1; 0.9 + 0.5 * 2 = 1.9; 1.71 - 0.5 = 1.21
    expectClose(await run(sgd({ momentum: 0.9, dampening: 0.5 }), [1], gradients, setting), [[0.9], [0.71], [0.589]])
  })

  it('looks ahead with nesterov', async () => {
    // g + 0.9 buffer: 1.9; 2 + 2.61 = 4.61; -1 + 1.449 = 0.449
    expectClose(await run(sgd({ momentum: 0.9, nesterov: true }), [1], gradients, setting), [[0.81], [0.349], [0.3041]])
  })

  it('refuses nesterov without momentum or with dampening', () => {
    expect(() => sgd({ nesterov: true })).toThrowError(expect.objectContaining({ code: 'config.value' }))
    expect(() => sgd({ momentum: 0.9, nesterov: true, dampening: 0.1 })).toThrow()
  })
})

/** Parameters of sines after three steps along cosines; PyTorch 2.13 and transformers 5.18 did the same for the numbers beside them. */
async function sines(optimizer: Optimizer, size: number, setting: Setting, shape: readonly number[] = [size]) {
  const at = (f: (x: number) => number, factor: number) => Array.from({ length: size }, (_, i) => f((i + 1) * factor))
  const gradients = [1, 2, 3].map((factor) => at(Math.cos, factor))
  return (await run(optimizer, at(Math.sin, 1), gradients, setting, shape)).slice(-1)
}

it('rmsprop is centered, and has momentum', async () => {
  const optimizer = rmsprop({ alpha: 0.9, momentum: 0.8, centered: true })
  expectClose(await sines(optimizer, 4, { learningRate: 0.1, weightDecay: 0.1 }), [
    [0.593705, 1.98254, 0.711838, -0.028264],
  ])
})

it('adagrad slows down', async () => {
  expectClose(await sines(adagrad({ lrDecay: 0.5 }), 4, { learningRate: 0.1, weightDecay: 0.1 }), [
    [0.812918, 1.023902, 0.220831, -0.674089],
  ])
})

it('adam keeps the largest second moment', async () => {
  expectClose(await sines(adam({ amsgrad: true }), 4, { learningRate: 0.1, weightDecay: 0.1 }), [
    [0.758076, 1.091539, 0.266192, -0.57208],
  ])
})

it('adafactor has a row and a column for each matrix of a stack', async () => {
  const optimizer = adafactor({ clipThreshold: 0.5, decayRate: -0.5 })
  expectClose(await sines(optimizer, 12, { learningRate: 0.1 }, [2, 2, 3]), [
    [0.918569, 0.955513, 0.193159, -0.752828, -0.870729, -0.425774].concat([
      0.658414, 1.084181, 0.443617, -0.556812, -0.935835, -0.601295,
    ]),
  ])
})

it('muon refuses what is no matrix', async () => {
  await expect(sines(muon(), 4, { learningRate: 0.1 })).rejects.toMatchObject({ code: 'config.unsupported' })
})

describe('applyProgram', () => {
  it('normalises by the count, clips the norm over all parameters, and clears the sums', async () => {
    const backend = reference()
    const spec = { dtype: 'f32' as const, shape: [1] }
    const trained = new Map([
      ['a', spec],
      ['b', spec],
    ])
    const [group] = parameterGroups(trained, { optimizer: sgd(), weightDecay: () => 0 }) as [ParameterGroup]
    const one = (value: number) => hostTensor('f32', [1], [value])
    const parameters = await backend.createState(
      new Map([
        ['a', one(0)],
        ['b', one(0)],
      ]),
    )
    const sums = await backend.createState(new Map([[gradientSlot(group), hostTensor('f32', [2], [6, 8])]]))
    const program = applyProgram([group], { optimizer: sgd(), clips: true })
    const executable = await backend.compile(program)
    const feeds = Object.fromEntries(
      Object.entries({ count: 2, learning_rate: 1, max_grad_norm: 1 }).map(([k, v]) => [k, hostTensor('f32', [], [v])]),
    )
    const { grad_norm: norm, finite } = await executable.run({ feeds, state: [{ set: parameters }, { set: sums }] })
    expect(norm?.data[0]).toBeCloseTo(5, 6) // of (3, 4), before clipping
    expect(finite?.data[0]).toBe(1)
    const values = await parameters.read()
    expect(values.get('a')?.data[0]).toBeCloseTo(-0.6, 5)
    expect(values.get('b')?.data[0]).toBeCloseTo(-0.8, 5)
    expect([...(await sums.read()).values()].map(({ data }) => [...data])).toEqual([[0, 0]])
  })

  it('lets an optimizer of one’s own be a function of graph values', async () => {
    const sign: Optimizer = {
      name: 'plain',
      elementwise: true,
      states: [],
      scalars: () => ({}),
      update: ({ gradient }): { parameter: Tensor; states: Record<string, Tensor> } => ({
        parameter: gradient,
        states: {},
      }),
    }
    expectClose(await run(sign, [1], [[3]], { learningRate: 1 }), [[3]])
  })
})
