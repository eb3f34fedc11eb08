import { describe, expect, it } from 'vitest'
import { AdaptedModel } from '../adapted/adapted-model.js'
import { tinyBase } from '../adapted/tiny-model.fake.js'
import { hostTensor } from '../dtype.js'
import { add } from '../graph/ops/binary.js'
import { matmul } from '../graph/ops/matmul.js'
import type { Tensor } from '../graph/tensor.js'
import type { Parameter } from '../module/parameter.js'
import { namedParameters } from '../module/tree.js'
import { defineTuner } from '../tuner/define-tuner.js'
import type { SharedState, TargetConfig } from '../tuner/families.js'

/** W' = W + a b, with b (1, in) for all layers. */
const banked = (shared: Partial<SharedState<TargetConfig>> = {}) =>
  defineTuner<TargetConfig, { readonly a: Tensor; readonly b: Tensor }, 'b'>({
    kind: 'banked',
    parse: (raw) => ({ targetModules: (raw.targetModules as string[] | undefined) ?? ['q_proj'] }),
    fileKeys: { a: 'own' },
    create: ({ site }) => ({ a: hostTensor('f32', [site.outSize, 1]) }),
    shared: {
      fileKeys: { b: 'banked_b' },
      create: ({ random }) => ({ b: hostTensor('f32', [1, 4], random.at('b').uniform(4, 1)) }),
      ...shared,
    },
    merge: ({ weight, state: { a, b } }) => add(weight, matmul(a, b)),
  })

const KEY = 'base_model.banked_b'

describe('shared state', () => {
  it('is saved once and does not train, nor is it counted', async () => {
    const adapted = new AdaptedModel(tinyBase())
    const adapter = adapted.addAdapter('default', banked()())
    expect([...(await adapter.values()).keys()].sort()).toEqual([
      KEY,
      'model.layers.0.q_proj.own',
      'model.layers.1.q_proj.own',
    ])
    const trainable = adapted.trainable()
    expect([...(await trainable.trainable()).keys()]).not.toContain(`adapter0:${KEY}`)
    expect([...trainable.fixed().keys()]).toEqual([`adapter0:${KEY}`])
    expect(adapted.parameterCounts().trainable).toBe(2 * 4)
    expect(namedParameters(adapted.model).get(`adapter0:${KEY}`)?.trains).toBe(false)
  })

  it('trains as one tensor where the method says so', async () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('default', banked({ trains: true })())
    const trainable = adapted.trainable()
    expect([...(await trainable.trainable()).keys()]).toContain(`adapter0:${KEY}`)
    expect(trainable.fixed().size).toBe(0)
    expect((namedParameters(adapted.model).get(`adapter0:${KEY}`) as Parameter).trains).toBe(true)
    expect(adapted.parameterCounts().trainable).toBe(2 * 4 + 4)
  })

  it('is not drawn where a file has it, and held against its shape', () => {
    const draws: number[] = []
    const tuner = banked({
      create({ random }) {
        const data = random.at('b').uniform(4, 1)
        draws.push(...data)
        return { b: hostTensor('f32', [1, 4], data) }
      },
    })
    const added = (shape: number[]) =>
      new AdaptedModel(tinyBase()).addAdapter('default', tuner(), { expected: new Map([[KEY, { shape }]]) })
    added([1, 4])
    expect(draws).toEqual([0, 0, 0, 0])
    expect(() => added([1, 5])).toThrow(expect.objectContaining({ code: 'adapter.tensors' }))
  })

  it('is refused under a name that layers have, and when it trains without being saved', () => {
    const added = (shared: Partial<SharedState<TargetConfig>>) => () =>
      new AdaptedModel(tinyBase()).addAdapter('default', banked(shared)())
    expect(added({ create: () => ({ a: hostTensor('f32', [1]) }) })).toThrow(
      expect.objectContaining({ code: 'config.value', details: { kind: 'banked', name: 'a' } }),
    )
    expect(added({ fileKeys: {}, trains: true })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
