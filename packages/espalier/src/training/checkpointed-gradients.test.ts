/** Activation checkpointing loses no gradient: of every family of models, in every policy, loss and gradients are those of the plain run. */
import { onnx } from '@espalier/backend-onnx'
import { checkpointActivations, multiplyAdds } from '@espalier/checkpointing'
import {
  AdaptedModel,
  type Backend,
  type ConfiguredTuner,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  isOp,
  learnedParameters,
  lossOf,
  type Model,
  type Program,
  programRoots,
  rebuild,
  reference,
  type TaskType,
  type Tensor,
  weightRequests,
  withRoots,
  zerosLike,
} from '@espalier/core'
import { lora } from '@espalier/lora'
import { runOver, tinyFamilies, tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { expectClose } from '@espalier/testkit'
import { adamw, TrainingSession } from '@espalier/trainer'
import { adalora } from '@espalier/tuner-adalora'
import { ia3 } from '@espalier/tuner-ia3'
import { loha } from '@espalier/tuner-loha'
import { vera } from '@espalier/tuner-vera'
import { describe, expect, it } from 'vitest'

const BATCH = 2
const LENGTH = 6
const ids = hostTensor('i32', [BATCH, LENGTH], [3, 5, 7, 2, 4, 6, 1, 8, 2, 9, 3, 5])
const labels = hostTensor('i32', [BATCH, LENGTH], [5, 7, 2, 4, 6, 1, 8, 2, 9, 3, 5, 4])
const ones = (shape: readonly number[]) =>
  hostTensor('f32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1))
const common = { input_ids: ids, seed: hostTensor('u32', [], [9]) }
const rowFeeds = { label_weights: ones([BATCH]) }

/** A batch for each task. */
const feedsOf: Partial<Record<TaskType, Readonly<Record<string, HostTensor>>>> = {
  CAUSAL_LM: {
    ...common,
    counted_indices: hostTensor('i32', [4], [0, 2, 7, 9]),
    counted_targets: hostTensor('i32', [4], [5, 2, 2, 3]),
    counted_weights: ones([4]),
  },
  SEQ_2_SEQ_LM: {
    ...common,
    encoder_attention_mask: hostTensor('bool', [BATCH, LENGTH], new Uint8Array(BATCH * LENGTH).fill(1)),
    labels,
    label_weights: ones([BATCH, LENGTH]),
  },
  SEQ_CLS: { ...common, ...rowFeeds, labels: hostTensor('i32', [BATCH], [1, 0]) },
  QUESTION_ANS: {
    ...common,
    ...rowFeeds,
    start_positions: hostTensor('i32', [BATCH], [1, 0]),
    end_positions: hostTensor('i32', [BATCH], [3, 2]),
  },
}

type Transform = ReturnType<typeof checkpointActivations>

/** Loss and gradients of all parameters, as a run has them. */
function programOf(model: Model, transform?: Transform): Program {
  const feeds = feedsOf[model.task] ?? {}
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)] as const)
  const loss = lossOf(model)(model, Object.fromEntries(inputs))
  const parameters = [...learnedParameters(model).values()]
  const found = gradients(
    loss,
    parameters.map(({ value }) => value),
  )
  const outputs: Record<string, Tensor> = { loss }
  parameters.forEach(({ path }, i) => {
    outputs[`gradient of ${path}`] = found[i] as Tensor
  })
  const program: Program = { name: 'gradients', outputs }
  return transform === undefined ? program : withRoots(program, transform(programRoots(program), { model }))
}

const run = (model: Model, transform?: Transform) =>
  runOver(model, programOf(model, transform), feedsOf[model.task] ?? {})

const families = tinyFamilies.flatMap(([family, config]) =>
  family.tasks
    .filter((task) => task in feedsOf)
    .slice(0, 1)
    .map((task) => [family.modelType, task, tinyModel(family, config, task)] as const),
)

const policies = {
  'every layer': checkpointActivations(),
  'every layer and its residuals': checkpointActivations({ keepsResiduals: true }),
  'every second layer': checkpointActivations({ every: 2 }),
  'the first layer alone': checkpointActivations({ layers: 1 }),
}

const multiplyAddsOf = (program: Program) => multiplyAdds(programRoots(program))

describe.each(families)('%s for %s', (_, __, model) => {
  it.each(Object.entries(policies))('has the same loss and gradients with %s', async (_, policy) => {
    const [plain, checkpointed] = await Promise.all([run(model), run(model, policy)])
    expect(checkpointed).toEqual(plain)
  })

  // Of three passes' products, forward and two of the backward, at most one again.
  it('runs its layers a second time', () => {
    const [plain, once, all] = [undefined, policies['the first layer alone'], policies['every layer']].map((policy) =>
      multiplyAddsOf(programOf(model, policy)),
    ) as [number, number, number]
    expect(once).toBeGreaterThan(plain)
    expect(all).toBeGreaterThan(once)
    expect(all).toBeLessThanOrEqual((plain * 4) / 3)
  })
})

const tuners = {
  lora: lora({ r: 2, targetModules: 'all-linear' }),
  'lora with dropout and a saved head': lora({
    r: 2,
    loraDropout: 0.5,
    targetModules: ['q_proj', 'down_proj'],
    modulesToSave: ['lm_head'],
  }),
  ia3: ia3(),
  loha: loha({ r: 2, targetModules: ['q_proj', 'v_proj'] }),
  vera: vera({ r: 2, targetModules: ['q_proj', 'o_proj'] }),
  adalora: adalora({ initR: 3, targetR: 2, totalStep: 10, targetModules: ['q_proj', 'v_proj'] }),
}

describe('an adapter', () => {
  const [family, config] = tinyFamilies.find(
    ([{ modelType }]) => modelType === 'llama',
  ) as (typeof tinyFamilies)[number]

  async function stepOf(tuner: ConfiguredTuner, transforms: readonly Transform[], backend: Backend = reference()) {
    const adapted = new AdaptedModel({
      model: tinyModel(family, config, 'CAUSAL_LM'),
      modelType: family.modelType,
      config,
      nameOrPath: 'tiny',
      revision: null,
      defaultTargets: family.defaultTargets,
    })
    adapted.addAdapter('default', tuner)
    const model = adapted.trainable()
    const weights = await backend.loadWeights(weightRequests(adapted.model))
    const session = await TrainingSession.open({
      model,
      backend,
      weights,
      transforms,
      loss: lossOf(model.model),
      optimizer: adamw(),
      clips: true,
      weightDecay: () => 0,
    })
    const { seed: _, ...feeds } = feedsOf.CAUSAL_LM as Readonly<Record<string, HostTensor>>
    const loss = await session.accumulate({ feeds, count: 4, tokens: 12 }, 9)
    return { loss, gradients: await session.gradients() }
  }

  it.each(Object.entries(tuners))('of %s has the same gradients', async (_, tuner) => {
    const [plain, checkpointed, broken] = await Promise.all([
      stepOf(tuner, []),
      stepOf(tuner, [policies['every layer']]),
      stepOf(tuner, [policies['every layer'], withoutCopies]),
    ])
    expect(checkpointed).toEqual(plain)
    expect(broken.gradients).not.toEqual(plain.gradients) // what a lost copy would look like
  })

  it('with dropout has the same gradients on ONNX Runtime', async () => {
    const tuner = tuners['lora with dropout and a saved head']
    const backend = onnx()
    const plain = await stepOf(tuner, [], backend)
    for (const policy of Object.values(policies)) {
      const { loss, gradients } = await stepOf(tuner, [policy], backend)
      expect(loss).toBeCloseTo(plain.loss, 5)
      for (const [slot, value] of plain.gradients)
        expectClose(gradients.get(slot), value, { absolute: 1e-6, relative: 1e-6 }, slot)
    }
    await backend.close()
  })
})

/** Zeros where a checkpointed graph makes values again. */
const withoutCopies: Transform = (roots) =>
  rebuild(roots, (node) => (isOp(node, 'barrier') ? node.outputs.map((y) => zerosLike(y)) : undefined))
