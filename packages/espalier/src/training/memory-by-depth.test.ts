/** What a step keeps for the backward pass grows with the layers of a model as its policy says. */
import { onnx } from '@espalier/backend-onnx'
import { type CheckpointingOptions, checkpointActivations } from '@espalier/checkpointing'
import { AdaptedModel, type Backend, hostTensor, lossOf } from '@espalier/core'
import { DataCollatorForCausalLM } from '@espalier/data'
import { lora } from '@espalier/lora'
import { llama } from '@espalier/models'
import { TINY_LLAMA } from '@espalier/models/fixtures/tiny-configs.js'
import { tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { accumulateProgram, adamw, parameterGroups } from '@espalier/trainer'
import { afterAll, expect, it } from 'vitest'

const SHAPE = { rows: 2, length: 128, countedSize: 256 }
const HIDDEN = 136 // products with more than 128 multiply-adds a value are large ones
const INPUT = SHAPE.rows * SHAPE.length * HIDDEN * 4 // bytes of a layer's input
const LAYERS = 8

const backend: Backend = onnx()
afterAll(() => backend.close())

/** Bytes that a step's values take in a model of so many layers. */
async function taken(layers: number, options: readonly CheckpointingOptions[]): Promise<number> {
  const config = { ...TINY_LLAMA, vocab_size: 101, hidden_size: HIDDEN, intermediate_size: 272 }
  const own = { ...config, num_hidden_layers: layers, max_position_embeddings: SHAPE.length }
  const adapted = new AdaptedModel({
    model: tinyModel(llama, own, 'CAUSAL_LM'),
    modelType: llama.modelType,
    config: own,
    nameOrPath: 'tiny',
    revision: null,
    defaultTargets: llama.defaultTargets,
  })
  adapted.addAdapter('default', lora({ r: 1, targetModules: ['v_proj'] }))
  const model = adapted.trainable()
  const { feeds } = new DataCollatorForCausalLM({ padId: 0 }).collate([], SHAPE)
  const groups = parameterGroups(await model.trainable(), { optimizer: adamw(), weightDecay: () => 0 })
  const transforms = options.length === 0 ? [] : [checkpointActivations(options)]
  const objective = { model: model.model, loss: lossOf(model.model), transforms }
  const program = accumulateProgram(objective, groups, { ...feeds, seed: hostTensor('u32', [], [7]) })
  return backend.memory?.peakOf(program) ?? 0
}

/** Inputs of a layer that each layer more takes. */
async function perLayer(options: readonly CheckpointingOptions[]): Promise<number> {
  return ((await taken(2 * LAYERS, options)) - (await taken(LAYERS, options))) / LAYERS / INPUT
}

it('by its input for each layer that is made again', async () => {
  expect(await perLayer([{}])).toBeCloseTo(1, 1)
})

it('by half of it where two layers are made again together', async () => {
  expect(await perLayer([{ every: 2 }])).toBeCloseTo(0.5, 1)
})

it('by its input and the sum in its middle where residuals are kept', async () => {
  const grown = await perLayer([{ keepsResiduals: true }])
  expect(Math.abs(grown - 2)).toBeLessThan(0.2) // the most of the deeper model may lie a value earlier
})

it('by all that the backward pass reads where nothing is made again', async () => {
  const [all, products] = [await perLayer([]), await perLayer([{ keepsProducts: true }])]
  expect(products).toBeGreaterThan(2)
  expect(all).toBeGreaterThan(products)
})
