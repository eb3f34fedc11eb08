/** What methods need of a tuner besides its own layer: the suite holds them to the same promises. */
import { AdaptedModel, detach, hostTensor, type LayerTuner, mul, type Tensor } from '@espalier/core'
import { describe, expect, it, test } from 'vitest'
import { failuresOf } from '../check.js'
import { checkTuner, tunerChecks } from '../check-tuner.js'
import { residual } from './residual.fake.js'
import { sharedProjections } from './shared-projections.fake.js'
import { lowRank } from './small-tuners.js'
import { testModel } from './test-model.js'
import { weightDecomposed } from './weight-decomposed.fake.js'

describe('a tuner whose values start from the base weight', () => {
  checkTuner(weightDecomposed, { test })

  it('knows the shapes of its values before any weight is read, and reads none that are set', async () => {
    const base = testModel()
    const adapter = new AdaptedModel(base).addAdapter('default', weightDecomposed({ targetModules: ['c_fc'] }))
    const key = 'model.layers.0.c_fc.lora_magnitude_vector'
    expect(adapter.specs.get(key)).toEqual({ dtype: 'f32', shape: [6] })
    const norms = (await adapter.values()).get(key)
    expect(norms?.data.every((norm) => norm > 0)).toBe(true)
    expect((await adapter.values()).get(key)).toBe(norms)
  })
})

describe('a tuner that takes a part of the base weight over', () =>
  checkTuner(residual, { test, variants: { default: { config: {}, drawsInitialValues: false } } }))

const trainedBank: LayerTuner = {
  ...(sharedProjections as LayerTuner),
  kind: 'trainedbank',
  shared: { ...sharedProjections.shared, trains: true } as NonNullable<LayerTuner['shared']>,
}

describe('a tuner whose layers share state', () => {
  checkTuner(sharedProjections, {
    test,
    variants: {
      'saved with the adapter': { config: {}, drawsInitialValues: false },
      'drawn again': { config: { saveProjection: false, projectionSeed: 4 }, drawsInitialValues: false },
    },
  })
  checkTuner(trainedBank, { test, variants: { 'trained with the layers': { config: {}, drawsInitialValues: false } } })

  it('is found where a part of it is of no use', async () => {
    const { shared } = sharedProjections as LayerTuner
    const idle: LayerTuner = {
      ...(sharedProjections as LayerTuner),
      shared: {
        fileKeys: { A: 'vera_A', B: 'vera_B', C: 'vera_C' },
        create: (given) => ({ ...shared?.create(given), C: hostTensor('f32', [2], [1, 2]) }),
      },
    }
    const failures = await failuresOf(tunerChecks(idle).filter(({ name }) => /all layers share/.test(name)))
    expect(failures.map(({ error }) => String(error))).toEqual([expect.stringContaining('base_model.vera_C')])
  })

  const add = (config: object) =>
    new AdaptedModel(testModel()).addAdapter('default', sharedProjections({ targetModules: ['v_proj'], ...config }))

  it('has it once, beside the layers in the file', () => {
    const saved = add({})
    expect([...saved.specs.keys()].filter((key) => !key.startsWith('model.'))).toEqual([
      'base_model.vera_A',
      'base_model.vera_B',
    ])
    const unsaved = add({ saveProjection: false })
    expect([...unsaved.specs.keys()].every((key) => key.startsWith('model.'))).toBe(true)
    expect([...unsaved.bufferSpecs.keys()]).toEqual(['base_model.#A', 'base_model.#B'])
  })
})

describe('gradients and detached values', () => {
  const found = async (tuner: LayerTuner) => {
    const checks = tunerChecks(tuner).filter(({ name }) => /default: gradients/.test(name))
    return (await failuresOf(checks)).length
  }
  const right = lowRank as LayerTuner
  const withForward = (forward: (y: Tensor, x: Tensor) => Tensor): LayerTuner => ({
    ...right,
    forward: (given) => forward(right.forward?.(given) as Tensor, given.x),
  })

  it('agree where a tuner keeps a value out of the gradient', async () => {
    expect(await found(withForward((y) => mul(y, detach(y))))).toBe(0)
  })
})
