/** What the labels of rows are, by config.json or by the rows: each has transformers' loss, and metrics of its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { AutoModel, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { Trainer } from './trainer.js'

const golden = fileURLToPath(new URL('../../../../tools/fixtures/subset/base/bert/seq-cls', import.meta.url))
const ids = [
  [5, 6, 7, 8],
  [9, 5, 6],
]

/** A classifier of three labels whose config.json says `changes` too. */
async function classifier(changes: object = {}): Promise<PretrainedModel> {
  return AutoModelForSequenceClassification.fromPretrained(files(changes), { backend: reference() })
}

function files(changes: object = {}): Map<string, Blob> {
  const config = JSON.parse(readFileSync(join(golden, 'config.json'), 'utf8')) as object
  return new Map([
    ['config.json', new Blob([JSON.stringify({ ...config, ...changes })])],
    ['model.safetensors', new Blob([readFileSync(join(golden, 'model.safetensors'))])],
  ])
}

function trainerOf(model: PretrainedModel, labels: readonly unknown[], maxSteps = 1): Trainer {
  const rows = labels.map((label, i) => ({ input_ids: ids[i] as number[], label }))
  return new Trainer({ model, trainDataset: rows, evalDataset: rows, args: { maxSteps, learningRate: 0.01 } })
}

const flags = [
  [1, 0, 1],
  [0, 1, 0],
]

describe('problem types', () => {
  // The loss is that of transformers 5.18's LabelSmoother.
  it('smooth the one label that holds, and refuse to smooth others', async () => {
    const of = async (labels: readonly unknown[], changes = {}) => {
      const model = await classifier(changes)
      const rows = labels.map((label, i) => ({ input_ids: ids[i] as number[], label }))
      const args = { maxSteps: 1, labelSmoothingFactor: 0.1 }
      return new Trainer({ model, trainDataset: rows, evalDataset: rows, args }).evaluate()
    }
    expect((await of([2, 0])).evalLoss).toBeCloseTo(1.2372863292694092, 5)
    await expect(of(flags)).rejects.toMatchObject({ code: 'config.unsupported' })
  })

  // The losses are those of transformers 5.18.
  it.each([
    ['one label', {}, [2, 0], 1.2430416345596313, { accuracy: 0.5 }],
    ['flags, as rows tell', {}, flags, 0.7429346442222595, { accuracy: 0, f1: 2 / 7 }],
    [
      'flags, as config.json tells',
      { problem_type: 'multi_label_classification' },
      flags,
      0.7429346442222595,
      { accuracy: 0, f1: 2 / 7 },
    ],
    [
      'numbers',
      { problem_type: 'regression' },
      [
        [0.5, -1, 2],
        [0, 0.25, -0.75],
      ],
      1.2798703908920288,
      { mse: expect.closeTo(1.27987, 4) },
    ],
  ])('have the loss of transformers and metrics of their own: %s', async (_, changes, labels, loss, metrics) => {
    const model = await classifier(changes)
    const found = await trainerOf(model, labels).evaluate()
    expect(found.evalLoss).toBeCloseTo(loss, 4)
    expect(found.metrics).toEqual(metrics)
    await model.close()
  })

  it('learns flags', async () => {
    const model = await classifier()
    const trainer = trainerOf(model, flags, 25)
    await trainer.train()
    expect((await trainer.evaluate()).metrics).toEqual({ accuracy: 1, f1: 1 })
    await model.close()
  })

  it('takes one label for a number to learn', async () => {
    const bare = join(golden, '../../roberta/question-ans') // its head for rows starts anew
    const model = await AutoModelForSequenceClassification.fromPretrained(bare, { backend: reference(), labels: 1 })
    const trainer = trainerOf(model, [1.5, -0.5], 25)
    const before = await trainer.evaluate()
    expect(before.metrics.mse).toBeCloseTo(before.evalLoss, 5)
    await trainer.train()
    const { evalLoss, metrics } = await trainer.evaluate()
    expect(evalLoss).toBeLessThan(before.evalLoss / 2)
    expect([metrics.pearson, metrics.spearman]).toEqual([expect.closeTo(1, 5), 1])
    await model.close()
  })

  it('are given when a model is loaded, and kept with it', async () => {
    const options = { backend: reference(), problemType: 'multi_label_classification' } as const
    const model = await AutoModelForSequenceClassification.fromPretrained(files(), options)
    expect((await trainerOf(model, flags).evaluate()).evalLoss).toBeCloseTo(0.7429346442222595, 4)
    const saved = JSON.parse(await ((await model.toFiles()).get('config.json') as Blob).text()) as object
    expect(saved).toMatchObject({ problem_type: 'multi_label_classification' })
    const wrong = (problemType: string, from: typeof AutoModel) =>
      expect(from.fromPretrained(files(), { problemType: problemType as never })).rejects
    await wrong('ranking', AutoModelForSequenceClassification).toMatchObject({ code: 'config.unsupported' })
    await wrong('regression', AutoModel).toMatchObject({ code: 'config.value' })
    await model.close()
  })

  it('refuses rows of two kinds, numbers that are too few, and a kind of problem that is none', async () => {
    const fails = async (changes: object, labels: readonly unknown[], code: string) => {
      const model = await classifier(changes)
      await expect(trainerOf(model, labels).preflight()).rejects.toMatchObject({ code })
      await model.close()
    }
    await fails({}, [1, [1, 0, 0]], 'data.row')
    await fails({}, [[1, 0]], 'data.row')
    await fails({ problem_type: 'single_label_classification' }, flags, 'data.row')
    await fails({ problem_type: 'ranking' }, [1, 2], 'config.unsupported')
  })
})
