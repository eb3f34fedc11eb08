/** Activation checkpointing loses no gradient: of every family of models, in every policy, loss and gradients are those of the plain run. */
import { checkpointActivations, multiplyAdds } from '@espalier/checkpointing'
import {
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  learnedParameters,
  lossOf,
  type Model,
  type Program,
  programRoots,
  type TaskType,
  type Tensor,
  withRoots,
} from '@espalier/core'
import { runOver, tinyFamilies, tinyModel } from '@espalier/models/fixtures/tiny-model.js'
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
  'two kinds': checkpointActivations([{ layers: 1, keepsProducts: true }, { keepsResiduals: true }]),
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

// Where halves run side by side there is no middle, and where a half's result is normed before the sum, its product is needed.
it('residuals spare the last products of a layer, whether norms come before sums or behind them', () => {
  const isSpared = families.map(([family, , model]) => {
    const [all, residuals] = [policies['every layer'], policies['every layer and its residuals']].map((policy) =>
      multiplyAddsOf(programOf(model, policy)),
    ) as [number, number]
    expect(residuals).toBeLessThanOrEqual(all)
    return [family, residuals < all] as const
  })
  const without = isSpared.filter(([, isLess]) => !isLess).map(([family]) => family)
  expect([...new Set(without)].sort()).toEqual([
    'falcon',
    'gemma2',
    'gemma3_text',
    'glm4',
    'gpt_neox',
    'gptj',
    'phi',
    'stablelm',
  ])
})
