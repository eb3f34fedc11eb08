/** What tfjs is expected to take for a step, against the bytes that it counts in its tensors while it runs one. */
import { tfjs } from '@espalier/backend-tfjs'
import { type CheckpointingOptions, checkpointActivations } from '@espalier/checkpointing'
import { AdaptedModel, hostTensor, lossOf, weightRequests } from '@espalier/core'
import { DataCollatorForCausalLM } from '@espalier/data'
import { lora } from '@espalier/lora'
import { llama } from '@espalier/models'
import { TINY_LLAMA } from '@espalier/models/fixtures/tiny-configs.js'
import { tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { accumulateProgram, adamw, parameterGroups, TrainingSession } from '@espalier/trainer'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expect, it } from 'vitest'

const CONFIG = {
  ...TINY_LLAMA,
  vocab_size: 101,
  hidden_size: 136,
  intermediate_size: 272,
  num_hidden_layers: 4,
  max_position_embeddings: 64,
}
const SHAPE = { rows: 2, length: 48, countedSize: 96 }
const policies: Readonly<Record<string, readonly CheckpointingOptions[]>> = {
  'everything kept': [],
  'products kept': [{ keepsProducts: true }],
  'residuals kept': [{ keepsResiduals: true }],
  'inputs of layers kept': [{}],
}

it.each(Object.entries(policies))('is within a tenth with %s', async (_, options) => {
  await tf.setBackend('cpu')
  const backend = tfjs({ tf })
  const adapted = new AdaptedModel({
    model: tinyModel(llama, CONFIG, 'CAUSAL_LM'),
    modelType: llama.modelType,
    config: CONFIG,
    nameOrPath: 'tiny',
    revision: null,
    defaultTargets: llama.defaultTargets,
  })
  adapted.addAdapter('default', lora({ r: 2, loraDropout: 0.1, targetModules: 'all-linear' }))
  const model = adapted.trainable()
  const { feeds } = new DataCollatorForCausalLM({ padId: 0 }).collate([], SHAPE)
  const optimization = { optimizer: adamw(), clips: true, weightDecay: () => 0 }
  const objective = {
    loss: lossOf(model.model),
    transforms: options.length === 0 ? [] : [checkpointActivations(options)],
  }
  const weights = await backend.loadWeights(weightRequests(adapted.model))
  const session = await TrainingSession.open({ model, backend, weights, ...objective, ...optimization })
  const step = () => session.accumulate({ feeds, count: 0, tokens: 0 }, 7)
  await step()
  const { numBytes } = tf.memory()
  const { peakBytes } = await tf.profile(async () => {
    await step()
    return tf.scalar(0)
  })
  const groups = parameterGroups(await model.trainable(), optimization)
  const program = accumulateProgram({ model: model.model, ...objective }, groups, {
    ...feeds,
    seed: hostTensor('u32', [], [7]),
  })
  const ratio = (backend.memory?.peakOf(program) ?? 0) / (peakBytes - numBytes)
  await session.close()
  await backend.close()
  expect(ratio).toBeGreaterThan(0.9)
  expect(ratio).toBeLessThan(1.1)
})
