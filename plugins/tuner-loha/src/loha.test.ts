import {
  type Adaptable,
  AdaptedModel,
  type ConfiguredTuner,
  constantTensor,
  type HostTensor,
  hostTensor,
  input,
  type LayerTuner,
  moduleAt,
  passOf,
  Random,
  reference,
  type Site,
  type Tensor,
} from '@espalier/core'
import { checkTuner, testModel } from '@espalier/testkit'
import { describe, expect, expectTypeOf, it, test } from 'vitest'
import { type LohaConfig, loha } from './loha.js'

describe('the suite of tuners', () =>
  checkTuner(loha, {
    test,
    variants: {
      defaults: { config: {} },
      'with patterns': { config: { r: 3, alpha: 5, rankPattern: { v_proj: 1 }, alphaPattern: { 'layers\\.0.*': 2 } } },
      'started at random': { config: { r: 2, initWeights: false }, startsAsIdentity: false },
      'with rows and passes dropped': { config: { r: 2, rankDropout: 0.5, moduleDropout: 0.2 } },
    },
  }))

const site: Site = { path: 'x', paths: ['x'], kind: 'linear', inSize: 4, outSize: 6, hasBias: false }

/** Rows of the update W' - W of a layer, in training with each of the seeds. */
async function updates(config: Partial<LohaConfig>, seeds: readonly number[]): Promise<number[][][]> {
  const { forward, create, buffers } = loha as LayerTuner
  const full = loha({ initWeights: false, r: 2, ...config }).config
  const made = { ...create({ site, config: full, random: new Random(1) }), ...buffers?.({ site, config: full }) }
  const state = Object.fromEntries(
    Object.entries(made).map(([name, value]) => [name, constantTensor(value as HostTensor)]),
  )
  const { context } = passOf(
    { input_ids: input('feed', 'ids', 'i32', [1, 1]), seed: input('feed', 'seed', 'u32', []) },
    true,
  )
  const ones = Array.from({ length: 16 }, (_, i) => Number(i % 5 === 0))
  const x = constantTensor(hostTensor('f32', [4, 4], ones))
  const zero = constantTensor(hostTensor('f32', [4, 6]))
  const layer = moduleAt(testModel().model, 'model.layers.0.q_proj') as Adaptable
  const y = forward?.({ x, inner: () => zero, layer, state, config: full, site, context }) as Tensor
  const executable = await reference().compile({ name: 'update', outputs: { y } }, {})
  return Promise.all(
    seeds.map(async (seed) => {
      const { y } = await executable.run({ feeds: { seed: hostTensor('u32', [], [seed]) } })
      return Array.from({ length: 6 }, (_, row) => Array.from({ length: 4 }, (_, i) => y?.data[i * 6 + row] as number))
    }),
  )
}

const seeds = Array.from({ length: 40 }, (_, i) => i)
const isZero = (row: readonly number[]) => row.every((value) => value === 0)

describe('loha', () => {
  it('has PEFT’s keys and shapes, with a rank of each layer’s own', () => {
    const targetModules = ['layers.0.v_proj']
    const { specs } = add(loha({ r: 3, targetModules, rankPattern: { v_proj: 2 } }))
    expect([...specs].map(([key, { shape }]) => [key, shape])).toEqual([
      ['model.layers.0.v_proj.hada_w1_a', [5, 2]],
      ['model.layers.0.v_proj.hada_w1_b', [2, 4]],
      ['model.layers.0.v_proj.hada_w2_a', [5, 2]],
      ['model.layers.0.v_proj.hada_w2_b', [2, 4]],
    ])
    expect(add(loha({ targetModules, rankPattern: { nothing: 4 } })).warnings).toEqual([
      expect.stringContaining('rankPattern'),
    ])
  })

  it('drops rows of the update, and scales the others so that the mean of the rows’ factors is 1', async () => {
    const [whole] = await updates({ rankDropout: 1e-9 }, [0])
    for (const update of await updates({ rankDropout: 0.5 }, seeds)) {
      const kept = update.filter((row) => !isZero(row)).length
      update.forEach((row, i) => {
        if (!isZero(row)) expect(row[0]).toBeCloseTo(((whole?.[i]?.[0] ?? 0) * 6) / kept, 5)
      })
    }
    const rows = (await updates({ rankDropout: 0.25 }, seeds)).flat()
    expect(rows.filter(isZero).length / rows.length).toBeCloseTo(0.25, 1)
  })

  it('leaves a layer as it is in a share of the passes, and does not scale the others', async () => {
    const [whole] = await updates({ rankDropout: 1e-9 }, [0])
    const passes = await updates({ moduleDropout: 0.3 }, seeds)
    const left = passes.filter((update) => update.every(isZero))
    expect(left.length / passes.length).toBeCloseTo(0.3, 1)
    const adapted = passes.filter((update) => !update.every(isZero))
    for (const update of adapted) expect(update[0]?.[0]).toBeCloseTo(whole?.[0]?.[0] ?? 0, 5)
  })

  it('has a typed configuration', () => {
    expectTypeOf(loha({ r: 8, useEffectiveConv2d: true })).toEqualTypeOf<ConfiguredTuner<LohaConfig>>()
    expect(() => loha({ rankDropout: 1 })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})

function add(configured: ConfiguredTuner) {
  return new AdaptedModel(testModel()).addAdapter('default', configured)
}
