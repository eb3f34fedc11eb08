/** Activation checkpointing loses no gradient of any tuner: each with each policy, on each backend, with copies that are lost as the control. */
import { onnx } from '@espalier/backend-onnx'
import { tfjs } from '@espalier/backend-tfjs'
import { checkpointActivations } from '@espalier/checkpointing'
import {
  AdaptedModel,
  type Backend,
  type ConfiguredTuner,
  type HostTensor,
  hostTensor,
  isOp,
  lossOf,
  rebuild,
  reference,
  weightRequests,
  zerosLike,
} from '@espalier/core'
import { lora } from '@espalier/lora'
import { llama } from '@espalier/models'
import { TINY_LLAMA } from '@espalier/models/fixtures/tiny-configs.js'
import { tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { expectClose } from '@espalier/testkit'
import { adamw, TrainingSession, type TrainingTransform } from '@espalier/trainer'
import { adalora } from '@espalier/tuner-adalora'
import { ia3 } from '@espalier/tuner-ia3'
import { loha } from '@espalier/tuner-loha'
import { vera } from '@espalier/tuner-vera'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { afterAll, describe, expect, it } from 'vitest'
import type { tunersByKind } from '../auto/tuners.js'

// Wide enough that the products of a layer are worth keeping, three layers for policies that mix.
const CONFIG = { ...TINY_LLAMA, hidden_size: 136, intermediate_size: 144, num_hidden_layers: 3 }
const [BATCH, LENGTH] = [2, 6]
const feeds: Readonly<Record<string, HostTensor>> = {
  input_ids: hostTensor('i32', [BATCH, LENGTH], [3, 5, 7, 2, 4, 6, 1, 8, 2, 9, 3, 5]),
  counted_indices: hostTensor('i32', [4], [0, 2, 7, 9]),
  counted_targets: hostTensor('i32', [4], [5, 2, 2, 3]),
  counted_weights: hostTensor('f32', [4], [1, 1, 1, 1]),
}

const policies: Readonly<Record<string, TrainingTransform>> = {
  'every layer': checkpointActivations(),
  'every layer and its residuals': checkpointActivations({ keepsResiduals: true }),
  'every layer but its products': checkpointActivations({ keepsProducts: true }),
  'every second layer': checkpointActivations({ every: 2 }),
  'the first layer alone': checkpointActivations({ layers: 1 }),
  'layers by their paths': checkpointActivations({ layers: ['layers.0', 'layers.2'] }),
  'what a budget mixes': checkpointActivations([{ layers: 1, keepsResiduals: true }, { keepsProducts: true }]),
}

/** Zeros where a checkpointed graph makes values again: what a lost copy would look like. */
const withoutCopies: TrainingTransform = (roots) =>
  rebuild(roots, (node) => (isOp(node, 'barrier') ? node.outputs.map((y) => zerosLike(y)) : undefined))

const tuners: Readonly<Record<keyof typeof tunersByKind, ConfiguredTuner>> = {
  lora: lora({ r: 2, targetModules: 'all-linear' }),
  ia3: ia3(),
  loha: loha({ r: 2, targetModules: ['q_proj', 'v_proj'] }),
  vera: vera({ r: 2, targetModules: ['q_proj', 'o_proj'] }),
  adalora: adalora({ initR: 3, targetR: 2, totalStep: 10, targetModules: ['q_proj', 'v_proj'] }),
}
const withDropout = lora({
  r: 2,
  loraDropout: 0.5,
  targetModules: ['q_proj', 'down_proj'],
  modulesToSave: ['lm_head'],
})

function adaptedBy(tuner: ConfiguredTuner): AdaptedModel {
  const adapted = new AdaptedModel({
    model: tinyModel(llama, CONFIG, 'CAUSAL_LM'),
    modelType: llama.modelType,
    config: CONFIG,
    nameOrPath: 'tiny',
    revision: null,
    defaultTargets: llama.defaultTargets,
  })
  adapted.addAdapter('default', tuner)
  return adapted
}

async function stepOf(
  tuner: ConfiguredTuner,
  transforms: readonly TrainingTransform[],
  backend: Backend = reference(),
) {
  const adapted = adaptedBy(tuner)
  const model = adapted.trainable()
  const session = await TrainingSession.open({
    model,
    backend,
    weights: await backend.loadWeights(weightRequests(adapted.model)),
    transforms,
    loss: lossOf(model.model),
    optimizer: adamw(),
    clips: true,
    weightDecay: () => 0,
  })
  const loss = await session.accumulate({ feeds, count: 4, tokens: BATCH * LENGTH }, 9)
  return { loss, gradients: await session.gradients() }
}

const cases = Object.entries({ ...tuners, 'lora with dropout and a saved head': withDropout })

describe.each(cases)('an adapter of %s', (_, tuner) => {
  const plain = stepOf(tuner, [])

  it.each(Object.entries(policies))('has the same gradients with %s', async (_, policy) => {
    const [checkpointed, broken] = await Promise.all([stepOf(tuner, [policy]), stepOf(tuner, [policy, withoutCopies])])
    expect(checkpointed).toEqual(await plain)
    expect(broken.gradients).not.toEqual((await plain).gradients)
  })
})

const backends = { onnx: onnx({ threads: 1 }), tfjs: tfjs({ tf }) }
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close()
})

describe.each(Object.entries(backends))('on %s', (name, backend) => {
  it.each(cases)('an adapter of %s has the same gradients with every policy', async (_, tuner) => {
    if (name === 'tfjs') await tf.setBackend('cpu')
    const plain = await stepOf(tuner, [], backend)
    for (const [title, policy] of Object.entries(policies)) {
      const { loss, gradients } = await stepOf(tuner, [policy], backend)
      expect(loss).toBeCloseTo(plain.loss, 5)
      expect([...gradients.keys()]).toEqual([...plain.gradients.keys()])
      for (const [slot, value] of plain.gradients)
        expectClose(gradients.get(slot), value, { absolute: 1e-6, relative: 1e-6 }, `${title}: ${slot}`)
    }
  })
})
