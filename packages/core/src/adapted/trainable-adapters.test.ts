import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { mul } from '../graph/ops/binary.js'
import { reduceSum } from '../graph/ops/reduce.js'
import type { Tensor } from '../graph/tensor.js'
import { defineTuner } from '../tuner/define-tuner.js'
import type { StepAccess, TargetConfig } from '../tuner/families.js'
import { AdaptedModel } from './adapted-model.js'
import { tinyBase } from './tiny-model.fake.js'

interface CountedConfig extends TargetConfig {
  readonly steps: number
}

/** y' = y with one value per layer: penalised by its square, doubled after each step, and in files only from the second step on. */
const counted = defineTuner<CountedConfig, { readonly v: Tensor }>({
  kind: 'counted',
  parse: (raw) => ({
    targetModules: (raw.targetModules as string[] | undefined) ?? null,
    steps: Number(raw.steps ?? 0),
  }),
  fileKeys: { v: 'v' },
  create: () => ({ v: hostTensor('f32', [1], [3]) }),
  forward: ({ x, inner }) => inner(x),
  penalty: ({ layers }) => layers.map(({ state: { v } }) => reduceSum(mul(v, v))).reduce((a, b) => mul(a, b)),
  async afterStep({ config, sites, step, read, gradients, write, memory }) {
    const keys = sites.map(({ path }) => `${path}.v`)
    const [values, slopes] = [await read(keys), await gradients(keys)]
    await write(new Map([...values].map(([key, value]) => [key, doubled(value)])))
    memory.set('slopes', slopes.get(keys[0] as string) as HostTensor)
    return { ...config, steps: step }
  },
  toFile: ({ config, values }) => (config.steps < 2 ? {} : values),
})

const doubled = ({ data }: HostTensor) => hostTensor('f32', [1], [2 * (data[0] as number)])

const q0 = 'model.layers.0.q_proj.v'
const q1 = 'model.layers.1.q_proj.v'

describe('trainableAdapters', () => {
  it('has the penalty of all layers of an adapter, over their state alone', async () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('default', counted({ targetModules: ['q_proj'] }))
    const trainable = adapted.trainable()
    const backend = reference()
    const penalty = trainable.penalty?.() as Tensor
    const executable = await backend.compile({ name: 'penalty', outputs: { penalty } })
    const { penalty: value } = await executable.run({
      state: [{ set: await backend.createState(await trainable.trainable()) }],
    })
    expect(value?.data[0]).toBe(81) // 3² in each of two layers
  })

  it('lets the tuner follow a step by its own keys, and keeps its configuration and memory', async () => {
    const adapted = new AdaptedModel(tinyBase())
    const adapter = adapted.addAdapter('default', counted({ targetModules: ['q_proj'] }))
    const slot = (key: string) => `adapter0:${key}`
    const state = new Map([q0, q1].map((key) => [slot(key), hostTensor('f32', [1], [3])]))
    const access: StepAccess = {
      step: 2,
      memory: new Map(),
      read: async (names) => new Map([...state].filter(([name]) => names?.includes(name))),
      gradients: async (names = []) => new Map(names.map((name, i) => [name, hostTensor('f32', [1], [i + 5])])),
      async write(values) {
        for (const [name, value] of values) state.set(name, value)
      },
    }
    await adapted.trainable().afterStep?.(access)
    expect([...state.values()].map(({ data }) => data[0])).toEqual([6, 6])
    expect(adapter.config).toMatchObject({ steps: 2 })
    expect([...access.memory].map(([name, { data }]) => [name, data[0]])).toEqual([['adapter0:slopes', 5]])
  })

  it('gives the configuration that a tuner left, and takes it over in another run', () => {
    const trainableOf = () => {
      const adapted = new AdaptedModel(tinyBase())
      const adapter = adapted.addAdapter('default', counted({ targetModules: ['q_proj'] }))
      return { adapter, trainable: adapted.trainable() }
    }
    const before = trainableOf()
    before.adapter.setConfig({ ...before.adapter.config, steps: 2 })
    const kept = JSON.parse(JSON.stringify(before.trainable.configurations?.())) as Record<string, object>
    const after = trainableOf()
    after.trainable.setConfigurations?.(kept)
    expect(after.adapter.config).toEqual(before.adapter.config)
  })

  it('writes what the tuner leaves to the file', async () => {
    const adapter = new AdaptedModel(tinyBase()).addAdapter('default', counted({ targetModules: ['q_proj'] }))
    expect([...(await adapter.fileValues()).keys()]).toEqual([])
    adapter.setConfig({ ...adapter.config, steps: 2 })
    expect([...(await adapter.fileValues()).keys()]).toEqual([q0, q1])
  })

  it('says nothing to a run where tuners say nothing', () => {
    const { penalty: _, afterStep: __, ...plain } = counted
    const adapted = new AdaptedModel(tinyBase())
    const { config, metadata } = counted({ targetModules: ['q_proj'] })
    adapted.addAdapter('default', {
      tuner: { ...plain, apiVersion: 1, family: 'layer' },
      config,
      metadata,
      unknownKeys: [],
    })
    expect(adapted.trainable().penalty?.()).toBeUndefined()
    expect(adapted.trainable().afterStep).toBeUndefined()
    expect(adapted.trainable().configurations).toBeUndefined()
  })
})
