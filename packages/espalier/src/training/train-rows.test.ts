import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { reference } from '@espalier/core'
import { loadDataset } from '@espalier/data'
import { lora } from '@espalier/lora'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'
import { datasetOf, type TrainRows } from './train-rows.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let path: string

beforeAll(async () => {
  folder = await temporaryFolder()
  path = join(folder.path, 'train.jsonl')
  writeFileSync(path, tinyRows.map((row) => JSON.stringify(row)).join('\n'))
})
afterAll(() => folder.remove())

it('are a path, a file, rows or a data set', async () => {
  const blob = new Blob([tinyRows.map((row) => JSON.stringify(row)).join('\n')])
  const given: TrainRows[] = [path, pathToFileURL(path), blob, tinyRows, new Set(tinyRows), loadDataset([...tinyRows])]
  for (const rows of given) expect(await datasetOf('trainDataset', rows).numRows()).toBe(tinyRows.length)
})

it('are refused by the name of their argument when there are none to go through', () => {
  for (const wrong of [undefined, null, 5, { train: tinyRows }])
    expect(() => datasetOf('evalDataset', wrong as unknown as TrainRows)).toThrow(
      expect.objectContaining({ code: 'config.value', message: expect.stringContaining('evalDataset') }),
    )
  expect(() => datasetOf('trainDataset', 'owner/name')).toThrow(expect.objectContaining({ code: 'data.file' }))
})

it('train from a path alone', async () => {
  const model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const trainer = new SFTTrainer({ model, peftConfig: lora(), trainDataset: path, evalDataset: path })
  const plan = await trainer.preflight()
  expect(plan.supervision.source).toBe('train.jsonl')
  expect(plan.supervision.rows).toBe(tinyRows.length)
  await model.close()
})
