/** Every family in f16: it traces, its results and gradients are near those in f32, and adapters over it train in f32. */
import {
  type ComputeDType,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  lossOf,
  namedParameters,
  ParameterScope,
  type TaskType,
  type Tensor,
  toFloat64,
} from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { runOver, seededWeights, tinyConfig, tinyFamilies } from './fixtures/tiny-model.js'

const NEAR = 0.03 // of the largest magnitude: 2^-11 at each of some tens of roundings

describe.each(tinyFamilies)('$modelType in f16', (architecture, config) => {
  const tasks = architecture.tasks.filter((task) => task !== 'FEATURE_EXTRACTION')
  it.each(tasks)(
    '%s: the loss and the gradient of every weight are near those in f32, with dropout too',
    async (task) => {
      const [half, whole] = [await results(task, 'f16'), await results(task, 'f32')]
      expect(Object.keys(half)).toEqual(Object.keys(whole))
      for (const [name, want] of Object.entries(whole)) {
        const largest = Math.max(...toFloat64(want).map(Math.abs))
        const [x, y] = [toFloat64(half[name] as HostTensor), toFloat64(want)]
        const apart = Math.max(...y.map((value, i) => Math.abs(value - (x[i] as number))))
        expect(apart, name).toBeLessThan(NEAR * largest + 1e-3)
      }
      expect(half.loss?.dtype).toBe('f32')
    },
  )

  async function results(task: TaskType, dtype: ComputeDType): Promise<Record<string, HostTensor>> {
    const scope = new ParameterScope(seededWeights, { dtype })
    const rates = [
      'attention_dropout',
      'attn_pdrop',
      'resid_pdrop',
      'hidden_dropout_prob',
      'dropout',
      'activation_dropout',
    ]
    const dropout = Object.fromEntries(rates.map((key) => [key, 0.1]))
    const model = architecture.build({ ...tinyConfig(architecture, config, task), ...dropout }, scope, task)
    const feeds = feedsOf(task)
    const inputs = Object.entries(feeds).map(([name, { dtype: own, shape }]) => [name, feed(name, own, shape)] as const)
    const loss = lossOf(model)(model, Object.fromEntries(inputs))
    const parameters = [...namedParameters(model)]
    const found = gradients(
      loss,
      parameters.map(([, { value }]) => value),
    )
    const slopes = parameters.map(([name], i) => [name, found[i] as Tensor] as const)
    return runOver(model, { name: 'loss', outputs: { loss, ...Object.fromEntries(slopes) } }, feeds)
  }
})

function feedsOf(task: TaskType): Record<string, HostTensor> {
  const ids = { input_ids: hostTensor('i32', [2, 4], [3, 5, 7, 2, 4, 9, 6, 8]), seed: hostTensor('u32', [], [5]) }
  const perRow = hostTensor('f32', [2], [1, 1])
  switch (task) {
    case 'MASKED_LM':
    case 'CAUSAL_LM':
      return {
        ...ids,
        counted_indices: hostTensor('i32', [3], [0, 2, 5]),
        counted_targets: hostTensor('i32', [3], [5, 2, 6]),
        counted_weights: hostTensor('f32', [3], [1, 1, 1]),
      }
    case 'SEQ_2_SEQ_LM':
      return {
        ...ids,
        labels: hostTensor('i32', [2, 3], [4, 6, 0, 11, 2, 1]),
        label_weights: hostTensor('f32', [2, 3], [1, 1, 0, 1, 1, 1]),
      }
    case 'TOKEN_CLS':
      return {
        ...ids,
        labels: hostTensor('i32', [2, 4], [0, 1, 2, 0, 1, 1, 0, 2]),
        label_weights: hostTensor('f32', [2, 4], [1, 1, 1, 1, 1, 1, 0, 1]),
      }
    case 'QUESTION_ANS':
      return {
        ...ids,
        start_positions: hostTensor('i32', [2], [1, 0]),
        end_positions: hostTensor('i32', [2], [2, 3]),
        label_weights: perRow,
      }
    default:
      return { ...ids, labels: hostTensor('i32', [2], [1, 2]), label_weights: perRow }
  }
}
