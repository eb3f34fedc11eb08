/** Smoothed labels: the losses of a run and of its evaluation are those of TRL's SFTTrainer and transformers' Trainer. */
import { onnx } from '@espalier/backend-onnx'
import { type Backend, reference } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForQuestionAnswering } from '../auto/auto-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'
import { Trainer } from './trainer.js'

const args = {
  maxSteps: 3,
  perDeviceTrainBatchSize: 4,
  learningRate: 1e-2,
  lrSchedulerType: 'constant',
  shuffle: false,
} as const

const WANT = {
  losses: [7.190286636352539, 6.327592849731445, 5.698327541351318],
  norms: [4.888736248016357, 6.158844947814941, 3.2396047115325928],
  evaluated: 5.2908172607421875,
}
const WANT_PLAIN = {
  losses: [7.219134330749512, 6.2678656578063965, 5.568658828735352],
  norms: [5.399377822875977, 6.736467361450195, 3.5635600090026855],
  evaluated: 5.100631237030029,
}

describe('labelSmoothingFactor', () => {
  // TRL 1.13 on transformers 5.18: SFTTrainer over the same files, rows in order, all parameters.
  it.each([
    ['reference', () => reference(), 0.1],
    ['onnx', () => onnx({ threads: 1 }), 0.1],
    ['onnx', () => onnx({ threads: 1 }), 0],
  ] as const)('gives Python’s losses on %s (%#)', async (_, backend: () => Backend, labelSmoothingFactor) => {
    const model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: backend() })
    const data = { trainDataset: tinyRows, evalDataset: tinyRows.slice(0, 4) }
    const trainer = new SFTTrainer({ model, ...data, args: { ...args, labelSmoothingFactor } })
    const losses: number[] = []
    const norms: number[] = []
    for await (const event of trainer.train())
      if (event.type === 'step') {
        losses.push(event.loss)
        norms.push(event.gradNorm)
      }
    const want = labelSmoothingFactor === 0 ? WANT_PLAIN : WANT
    for (const [i, loss] of want.losses.entries()) expect(losses[i]).toBeCloseTo(loss, 4)
    for (const [i, norm] of want.norms.entries()) expect(norms[i]).toBeCloseTo(norm, 3)
    expect((await trainer.evaluate()).evalLoss).toBeCloseTo(want.evaluated, 4)
    await model.close()
  })

  it('is refused beside computeLoss, for a task without classes, and outside its range', async () => {
    const model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
    const of = (labelSmoothingFactor: number, more: object = {}) =>
      new SFTTrainer({ model, trainDataset: tinyRows, args: { labelSmoothingFactor }, ...more })
    expect(() => of(0.1, { computeLoss: () => undefined })).toThrow(expect.objectContaining({ code: 'config.value' }))
    expect(() => of(1.5)).toThrow(expect.objectContaining({ code: 'config.value' }))
    await model.close()
    const answers = await AutoModelForQuestionAnswering.fromPretrained(await tinyModelFiles('QUESTION_ANS'), {
      backend: reference(),
    })
    const asked = [{ question: 'a', context: 'b', answers: { text: ['b'], answer_start: [0] } }]
    expect(() => new Trainer({ model: answers, trainDataset: asked, args: { labelSmoothingFactor: 0.1 } })).toThrow(
      expect.objectContaining({ code: 'config.unsupported' }),
    )
    await answers.close()
  })
})
