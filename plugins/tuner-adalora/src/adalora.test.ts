import { AdaptedModel, type ConfiguredTuner, type HostTensor, hostTensor, type StepAccess } from '@espalier/core'
import { checkTuner, testModel } from '@espalier/testkit'
import { describe, expect, expectTypeOf, it, test } from 'vitest'
import { adalora } from './adalora.js'
import type { AdaLoraConfig } from './config.js'

describe('the suite of tuners', () =>
  checkTuner(adalora, {
    test,
    variants: {
      'as PEFT starts it': { config: { totalStep: 10, initR: 3 } },
      'with dropout, without a penalty': { config: { totalStep: 10, initR: 2, loraDropout: 0.5, orthRegWeight: 0 } },
      'started at random': {
        config: { totalStep: 10, initR: 2, initLoraWeights: false, loraAlpha: 1 },
        startsAsIdentity: false,
      },
      'some ranks pruned, and all of a layer': {
        config: {
          totalStep: 10,
          initR: 2,
          rankPattern: {
            'model.layers.0.q_proj.lora_E': [true, false],
            'model.layers.1.down_proj.lora_E': [true, true],
          },
        },
      },
    },
  }))

const q0 = 'model.layers.0.q_proj'
const q1 = 'model.layers.1.q_proj'

function adapted(config: Parameters<typeof adalora>[0]) {
  const model = new AdaptedModel(testModel())
  return { model, adapter: model.addAdapter('default', adalora({ targetModules: ['q_proj'], initR: 2, ...config })) }
}

/** Two layers of which the second has the larger gradients, and in each the first rank. */
async function follower(config: Parameters<typeof adalora>[0]) {
  const { model, adapter } = adapted(config)
  const ones = [...(await adapter.values())].map(([key, { shape, data }]) => [
    key,
    hostTensor(
      'f32',
      shape,
      data.map(() => 1),
    ),
  ])
  adapter.setValues(new Map(ones as [string, HostTensor][]))
  const trainable = model.trainable()
  const state = new Map(await trainable.trainable())
  const memory = new Map<string, HostTensor>()
  const slope = (slot: string): HostTensor => {
    const { shape, data } = state.get(slot) as HostTensor
    const weak = slot.includes(q0) ? 0.1 : 1
    const perRank = (i: number) => (slot.endsWith('lora_B') ? i % 2 : Math.floor((i * 2) / data.length))
    return hostTensor(
      'f32',
      shape,
      Array.from(data, (_, i) => weak * (perRank(i) === 0 ? 1 : 0.5)),
    )
  }
  const follow = (step: number) =>
    trainable.afterStep?.({
      step,
      memory,
      read: async (slots = [...state.keys()]) => new Map(slots.map((slot) => [slot, state.get(slot) as HostTensor])),
      gradients: async (slots = [...state.keys()]) => new Map(slots.map((slot) => [slot, slope(slot)])),
      async write(values) {
        for (const [slot, value] of values) state.set(slot, value)
      },
    } satisfies StepAccess)
  const left = () => [q0, q1].map((path) => [...(state.get(`adapter0:${path}.lora_E`) as HostTensor).data])
  return { adapter, follow, left, memory, state, trainable }
}

describe('adalora', () => {
  it('has PEFT’s keys and shapes, and starts as PEFT does: E zero, A and B normal', async () => {
    const { adapter } = adapted({ totalStep: 10 })
    expect([...adapter.specs].slice(0, 3).map(([key, { shape }]) => [key, shape])).toEqual([
      [`${q0}.lora_A`, [2, 4]],
      [`${q0}.lora_B`, [4, 2]],
      [`${q0}.lora_E`, [2, 1]],
    ])
    const { data } = (await adapter.values()).get(`${q0}.lora_E`) as HostTensor
    expect([...data]).toEqual([0, 0])
  })

  it('prunes the least important ranks of all layers, down to the target in the end, and keeps them pruned', async () => {
    const { follow, left, adapter, memory, state } = await follower({ totalStep: 6, tinit: 1, tfinal: 2, targetR: 1 })
    await follow(1)
    await follow(2)
    expect(left()).toEqual([
      [1, 1],
      [1, 1],
    ])
    expect(adapter.config).toMatchObject({ rankPattern: null })
    await follow(3) // budget 2 + 2 (2/3)³, rounded down
    expect(left()).toEqual([
      [0, 0],
      [1, 1],
    ])
    expect(adapter.config).toMatchObject({
      rankPattern: { [`${q0}.lora_E`]: [false, false], [`${q1}.lora_E`]: [true, true] },
    })
    await follow(5) // the last allocation
    expect(memory.size).toBe(0)
    state.set(`adapter0:${q0}.lora_E`, hostTensor('f32', [2, 1], [7, 7]))
    await follow(6)
    expect(left()).toEqual([
      [0, 0],
      [1, 1],
    ])
  })

  it('allocates every deltaT steps alone', async () => {
    const { follow, adapter } = await follower({ totalStep: 9, targetR: 1, deltaT: 3 })
    for (const step of [1, 2, 3]) await follow(step)
    expect(adapter.config).toMatchObject({ rankPattern: null })
    await follow(4)
    expect(adapter.config).not.toMatchObject({ rankPattern: null })
  })

  it('saves the ranks that are left, which is what a loaded adapter then has', async () => {
    const { follow, adapter, trainable, state } = await follower({ totalStep: 4, targetR: 1 })
    for (const step of [1, 2, 3, 4]) await follow(step)
    trainable.commit(state)
    const saved = await adapter.fileValues()
    const shapes = [...saved].map(([, { shape }]) => shape)
    expect(shapes).toEqual([[0, 4], [4, 0], [0, 1], [2, 4], [4, 2], [2, 1]]) // biome-ignore format: one per tensor
    const loaded = adapted(adapter.config as AdaLoraConfig).adapter
    loaded.setValues(saved)
    expect(await loaded.fileValues()).toEqual(saved)
  })

  it('says which settings of LoRA it does not read', () => {
    const { adapter } = adapted({ totalStep: 10, ...({ r: 4, useRslora: true } as object) })
    expect(adapter.warnings).toEqual([expect.stringContaining('r, useRslora')])
  })

  it('refuses schedules without a step to shrink in, and what it does not have', () => {
    const refused = (config: object, code: string) =>
      expect(() => adalora(config), JSON.stringify(config)).toThrow(expect.objectContaining({ code }))
    refused({}, 'config.value')
    refused({ totalStep: 10, tinit: 6, tfinal: 4 }, 'config.value')
    refused({ totalStep: 10, beta1: 1 }, 'config.value')
    refused({ totalStep: 10, orthRegWeight: -1 }, 'config.value')
    refused({ totalStep: 10, rankPattern: { x: [1] } }, 'config.value')
    refused({ totalStep: 10, targetModules: 'x', layersToTransform: 1 }, 'config.value')
    refused({ totalStep: 10, layersPattern: 'layers' }, 'config.value')
    refused({ totalStep: 10, useDora: true }, 'config.unsupported')
    refused({ totalStep: 10, bias: 'adalora_only' }, 'config.value')
  })

  it('has a typed configuration', () => {
    expectTypeOf(adalora({ totalStep: 10 })).toEqualTypeOf<ConfiguredTuner<AdaLoraConfig>>()
  })
})
