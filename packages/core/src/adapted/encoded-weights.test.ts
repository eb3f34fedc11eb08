import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import type { Tensor } from '../graph/tensor.js'
import type { Parameter } from '../module/parameter.js'
import type { WeightFactory } from '../module/quantizer.js'
import { namedParameters } from '../module/tree.js'
import { DenseWeight, type Weight } from '../module/weight.js'
import { defineTuner } from '../tuner/define-tuner.js'
import type { TargetConfig } from '../tuner/families.js'
import { AdaptedModel } from './adapted-model.js'
import { FullModel } from './full-training.js'
import { mergeAdapters, mergedWeights } from './merge.js'
import type { MergeLoss } from './merge-loss.js'
import { rowScaled } from './row-scaled-weight.fake.js'
import { distance, logitsOf, shift, tinyBase } from './tiny-model.fake.js'
import { weightRequests } from './weights.js'

const ROUGH = 0.1 // 8-bit codes of weights near 1, through two layers

function adapted(weightOf: WeightFactory = rowScaled) {
  const model = new AdaptedModel(tinyBase({ weightOf }))
  model.addAdapter('default', shift({ start: 0.5, targetModules: ['q_proj', 'c_proj', 'lm_head'] }))
  return model
}

async function merge(model: AdaptedModel): Promise<Map<string, HostTensor>> {
  const backend = reference()
  return mergeAdapters(model, backend, await backend.loadWeights(weightRequests(model.base.model)))
}

/** Floats that nothing may replace. */
class ReadOnly implements Weight {
  readonly parameters: readonly Parameter[]
  readonly dtype = 'f32'

  constructor(private readonly floats: DenseWeight) {
    this.parameters = floats.parameters
  }

  get shape() {
    return this.floats.shape
  }

  value() {
    return this.floats.value()
  }

  withParameters() {
    return this
  }
}

describe('a weight that is not plain floats', () => {
  it('is made by the scope’s factory, and gives nearly the floats that it was made from', async () => {
    const [coded, plain] = [new AdaptedModel(tinyBase({ weightOf: rowScaled })), new AdaptedModel(tinyBase())]
    expect(
      [...weightRequests(coded.base.model)].filter(([, { dtype }]) => dtype === 'i8').map(([name]) => name),
    ).toEqual(
      [0, 1]
        .flatMap((i) => [`model.layers.${i}.q_proj.weight`, `model.layers.${i}.c_proj.weight`])
        .concat('lm_head.weight'),
    )
    const difference = distance(await logitsOf(coded), await logitsOf(plain))
    expect(difference).toBeGreaterThan(0)
    expect(difference).toBeLessThan(ROUGH)
  })

  it('is adapted like any other, and merged by being encoded again', async () => {
    const model = adapted()
    const [active, base] = [await logitsOf(model), await logitsOf(model, model.base.model)]
    expect(distance(active, base)).toBeGreaterThan(ROUGH)
    const merged = await merge(model)
    expect([...merged].map(([name, { dtype }]) => `${name} ${dtype}`).slice(0, 3)).toEqual([
      'model.layers.0.q_proj.weight i8',
      'model.layers.0.q_proj.weight_scale f32',
      'model.layers.0.c_proj.weight i8',
    ])
    expect(distance(await logitsOf(model), active)).toBeLessThan(ROUGH)
    model.clearMerged()
    expect(distance(await logitsOf(model), active)).toBe(0)
  })

  it('tells what encoding it again lost, and how much that is of what was merged', async () => {
    const lost = async (start: number) => {
      const model = new AdaptedModel(tinyBase({ weightOf: rowScaled }))
      model.addAdapter('default', shift({ start, targetModules: ['q_proj', 'model.embed_tokens'] }))
      const backend = reference()
      const weights = await backend.loadWeights(weightRequests(model.base.model))
      const { losses, weights: merged } = await mergedWeights(model, backend, weights)
      expect([...losses.keys()]).toEqual([0, 1].map((i) => `model.layers.${i}.q_proj.weight`))
      const scales = merged.get('model.layers.0.q_proj.weight_scale')?.data as Float32Array
      return { ...(losses.get('model.layers.0.q_proj.weight') as MergeLoss), halfStep: Math.max(...scales) / 2 }
    }
    const [large, small] = [await lost(0.5), await lost(1e-4)]
    expect(large.largest).toBeGreaterThan(0)
    expect(large.largest).toBeLessThanOrEqual(large.halfStep * 1.001) // float32
    expect(large.ofChange).toBeGreaterThan(0)
    expect(large.ofChange).toBeLessThan(0.02)
    expect(small.ofChange).toBeGreaterThan(0.5) // a small change is mostly rounded away
  })

  it('gives tuners that start from the weight its floats', async () => {
    let largest = 0
    const looking = defineTuner<TargetConfig, { readonly seen: Tensor }>({
      kind: 'looking',
      parse: () => ({ targetModules: ['q_proj'] }),
      fileKeys: { seen: 'seen' },
      create: () => ({
        seen: {
          shape: [],
          from: ({ weight }) => {
            largest = Math.max(...weight.data)
            return hostTensor('f32', [])
          },
        },
      }),
      merge: ({ weight }) => weight,
    })
    const adapter = new AdaptedModel(tinyBase({ weightOf: rowScaled })).addAdapter('default', looking())
    await adapter.values()
    expect(largest).toBeGreaterThan(0.1)
    expect(largest).toBeLessThan(5) // codes go up to 127
  })

  it('keeps its codes where another layer of the same weight is merged', async () => {
    const weightOf: WeightFactory = (site) => rowScaled({ ...site, kind: 'linear' })
    const model = new AdaptedModel(tinyBase({ weightOf, tied: true }))
    model.addAdapter('default', shift({ start: 0.5, targetModules: ['lm_head'] }))
    const active = await logitsOf(model)
    const merged = await merge(model)
    expect([...merged].map(([name, { dtype }]) => `${name} ${dtype}`).sort()).toEqual([
      'lm_head.weight i8',
      'lm_head.weight_scale f32',
      'model.embed_tokens.weight i8',
      'model.embed_tokens.weight_scale f32',
    ])
    expect(distance(await logitsOf(model), active)).toBeLessThan(ROUGH)
  })

  it('cannot be merged into where it cannot be written', async () => {
    const model = adapted((site) => new ReadOnly(new DenseWeight(site.floats())))
    await expect(merge(model)).rejects.toMatchObject({ code: 'adapter.state' })
    expect(model.mergedAdapters).toEqual([])
  })

  it('is not trained in full, neither with the model nor as a saved module', () => {
    const refused = (of: number) =>
      expect.objectContaining({ code: 'model.quantized', details: expect.objectContaining({ of }) as object })
    const { model } = tinyBase({ weightOf: rowScaled })
    expect(() => new FullModel(model)).toThrow(refused(10))
    const norms = new FullModel(model, (path) => path.includes('norm'))
    expect([...namedParameters(norms.model).values()].filter(({ trains }) => trains)).toHaveLength(2)
    const adapters = new AdaptedModel(tinyBase({ weightOf: rowScaled }))
    const saving = shift({ targetModules: ['q_proj'], modulesToSave: ['lm_head'] })
    expect(() => adapters.addAdapter('default', saving)).toThrow(refused(2))
  })
})
