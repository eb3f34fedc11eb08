import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { memoryFolder } from '@espalier/serialization'
import { expect, it } from 'vitest'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { AutoModelForSequenceClassification } from './auto-model.js'
import { AutoPeftModel, AutoPeftModelForSequenceClassification } from './auto-peft-model.js'

const options = () => ({ backend: reference() }) // it closes with its model

/** A base of two labels where its configuration says so, and the folder of an adapter with a head of other labels, with what it predicts. */
async function trained(labels: readonly string[] | number) {
  const base = await tinyModelFiles()
  await using model = await AutoModelForSequenceClassification.fromPretrained(base, { ...options(), labels })
  const adapted = getPeftModel(model, lora({ r: 2, targetModules: ['q_proj'], taskType: 'SEQ_CLS' }))
  const folder = memoryFolder()
  await adapted.savePretrained(folder)
  return { base, adapter: folder.toFiles(), prediction: await adapted.predict('once upon') }
}

it('a classifier’s labels are those of the head that its adapter keeps: their number, and their names', async () => {
  for (const [labels, names] of [
    [3, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
    [
      ['bad', 'fair', 'good'],
      ['bad', 'fair', 'good'],
    ],
    [
      ['no', 'yes'],
      ['no', 'yes'],
    ],
  ] as const) {
    const { base, adapter, prediction } = await trained(labels)
    for (const loader of [AutoPeftModelForSequenceClassification, AutoPeftModel]) {
      await using again = await loader.fromPretrained(adapter, { ...options(), base })
      expect(again.base.loaded.labels).toEqual(names)
      expect(await again.predict('once upon')).toEqual(prediction)
      expect(again.warnings).toEqual([])
    }
  }
})

it('names that are given win, and names of the base stay where the adapter has none', async () => {
  const { base, adapter } = await trained(3)
  const named = { ...options(), base, labels: ['a', 'b', 'c'] }
  await using again = await AutoPeftModelForSequenceClassification.fromPretrained(adapter, named)
  expect(again.base.loaded.labels).toEqual(named.labels)

  const config = JSON.parse(await (base.get('config.json') as Blob).text()) as object
  const id2label = { 0: 'x', 1: 'y', 2: 'z' }
  base.set('config.json', new Blob([JSON.stringify({ ...config, num_labels: 3, id2label })]))
  await using kept = await AutoPeftModelForSequenceClassification.fromPretrained(adapter, { ...options(), base })
  expect(kept.base.loaded.labels).toEqual(['x', 'y', 'z'])
})

it('another number of labels than the head has is an error that names the option', async () => {
  const { base, adapter } = await trained(3)
  const refused = {
    code: 'adapter.tensors',
    details: { tensor: 'score.weight', adapter: 3, model: 2 },
    fix: expect.stringContaining('{ labels: 3 }') as string,
  }
  const conflicting = { ...options(), base, labels: 2 }
  await expect(AutoPeftModelForSequenceClassification.fromPretrained(adapter, conflicting)).rejects.toMatchObject(
    refused,
  )
  await using two = await AutoModelForSequenceClassification.fromPretrained(base, options())
  await expect(PeftModel.fromPretrained(two, adapter)).rejects.toMatchObject(refused)
})
