import { type ModelConfig, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { bert } from '@espalier/models'
import { describe, expect, it } from 'vitest'
import { AutoModelForQuestionAnswering } from '../auto/auto-model.js'
import { AutoPeftModelForQuestionAnswering } from '../auto/auto-peft-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { questionAnswering } from './answers-task.js'
import type { EvalPrediction } from './label-metrics.js'
import { Trainer } from './trainer.js'

const CONFIG: ModelConfig = {
  model_type: 'bert',
  architectures: ['BertForQuestionAnswering'],
  vocab_size: 600,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
}
const files = () => tinyModelFiles('QUESTION_ANS', { family: bert, config: CONFIG })
const load = async () => AutoModelForQuestionAnswering.fromPretrained(await files(), { backend: reference() })

const rows = [
  { question: 'who', context: 'x was the cat y', answers: { text: ['cat'], answer_start: [10] } },
  { question: 'what', context: 'a dog was z', answers: { text: ['dog'], answer_start: [2] } },
]
const unanswered = { question: 'when', context: 'no one knows', answers: { text: [], answer_start: [] } }

describe('question answering', () => {
  it('is what Trainer does with the head, learns where answers are, and scores them as SQuAD does', async () => {
    const base = await load()
    const args = { maxSteps: 60, learningRate: 0.02, seed: 3 }
    const trainer = new Trainer({ model: base, trainDataset: rows, evalDataset: rows, args })
    const before = await trainer.evaluate()
    await trainer.train()
    const after = await trainer.evaluate()
    expect(after.evalLoss).toBeLessThan(before.evalLoss / 4)
    expect(after.metrics).toEqual({ exact_match: 100, f1: 100 })
    await base.close()
  })

  it('learns that there is no answer, in windows of long contexts too, and says so by the scores of SQuAD 2', async () => {
    const base = await load()
    const task = questionAnswering({ docStride: 4 })
    const args = { maxSteps: 80, learningRate: 0.02, maxLength: 12, seed: 3 }
    const all = [...rows, unanswered]
    const trainer = new Trainer({ model: base, task, trainDataset: all, evalDataset: all, args })
    await trainer.train()
    const { metrics } = await trainer.evaluate()
    expect(metrics).toMatchObject({ total: 3, HasAns_total: 2, NoAns_total: 1, exact: 100, NoAns_exact: 100 })
    await base.close()
  })

  it('gives computeMetrics the logits of all starts and ends of each window', async () => {
    const base = await load()
    const seen: EvalPrediction[] = []
    const computeMetrics = (prediction: EvalPrediction) => {
      seen.push(prediction)
      return { windows: prediction.predictions.length }
    }
    const trainer = new Trainer({ model: base, trainDataset: rows, evalDataset: rows, computeMetrics })
    expect((await trainer.evaluate()).metrics).toEqual({ windows: 2 })
    const { inputIds } = (await base.tokenizer()).encodeWindows(['who', rows[0]?.context ?? ''])[0] ?? {}
    expect(seen[0]?.predictions[0]).toHaveLength(2 * (inputIds?.length ?? 0))
    await base.close()
  })

  it('keeps its head with an adapter, which opens with its base', async () => {
    const base = await load()
    const model = getPeftModel(base, lora({ r: 2, taskType: 'QUESTION_ANS' }))
    await new Trainer({ model, trainDataset: rows, args: { maxSteps: 2 } }).train()
    const saved = await model.toFiles()
    const again = await AutoPeftModelForQuestionAnswering.fromPretrained(saved, {
      base: await files(),
      backend: reference(),
    })
    const evaluated = (one: typeof model) =>
      new Trainer({ model: one, trainDataset: rows, evalDataset: rows }).evaluate()
    expect((await evaluated(again)).evalLoss).toBeCloseTo((await evaluated(model)).evalLoss, 6)
    await again.close()
    await base.close()
  })
})
