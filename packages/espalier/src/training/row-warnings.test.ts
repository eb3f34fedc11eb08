/** What a trainer says of rows that it drops or cuts. */
import { onnx } from '@espalier/backend-onnx'
import { lora } from '@espalier/lora'
import type { TrainingEvent } from '@espalier/trainer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer, type SFTTrainerOptions } from './sft-trainer.js'

let base: PretrainedModel

beforeEach(async () => {
  base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: onnx({ threads: 1 }) })
})
afterEach(() => base.close())

function trainerOf(options: Pick<SFTTrainerOptions, 'trainDataset' | 'evalDataset' | 'onEvent'>): SFTTrainer {
  return new SFTTrainer({ model: base, peftConfig: lora({ r: 2 }), args: { maxSteps: 1, maxLength: 20 }, ...options })
}

describe('SFTTrainer', () => {
  it('warns of rows that it drops and cuts, in the preflight, in the run and when it evaluates', async () => {
    const long = { prompt: `${'a long prompt '.repeat(9)}: `, completion: 'yes' }
    const rows = { trainDataset: [...tinyRows, long], evalDataset: [...tinyRows.slice(0, 2), long] }
    const heard: TrainingEvent[] = []
    const trainer = trainerOf({ ...rows, onEvent: (event) => void heard.push(event) })
    const { warnings } = await trainer.preflight()
    expect(warnings).toEqual([
      '1 of 7 rows are dropped: at maxLength 20 nothing is left of them to train on',
      expect.stringMatching(/^1 of 7 rows are cut to maxLength 20; the longest has \d+ tokens$/),
      'of the evaluation data, 1 of 3 rows are dropped: at maxLength 20 nothing is left of them to train on',
      expect.stringMatching(/^of the evaluation data, 1 of 3 rows are cut/),
    ])
    const told = (events: readonly TrainingEvent[]) =>
      events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    const events: TrainingEvent[] = []
    for await (const event of trainer.train()) events.push(event)
    expect(told(events)).toEqual(warnings)
    expect(events.slice(0, 6).map(({ type }) => type)).toEqual(['start', ...warnings.map(() => 'warning'), 'step'])
    expect(told(heard.splice(0))).toEqual(warnings)
    await trainer.evaluate()
    expect(told(heard)).toHaveLength(2)
  })

  it('refuses to train when almost all rows would be dropped', async () => {
    const rows = Array.from({ length: 20 }, () => ({ prompt: `${'a long prompt '.repeat(9)}: `, completion: 'yes' }))
    const trainer = trainerOf({ trainDataset: [...rows, ...tinyRows.slice(0, 1)] })
    const refused = { code: 'data.unsupervised', details: { rows: 21, dropped: 20, maxLength: 20 } }
    await expect(trainer.preflight()).rejects.toMatchObject(refused)
    await expect(trainer.train()).rejects.toMatchObject(refused)
  })
})
