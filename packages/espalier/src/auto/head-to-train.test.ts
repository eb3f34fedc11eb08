/** The head that a checkpoint is trained with, and its labels: what config.json and the rows tell. */
import { loadDataset } from '@espalier/data'
import { describe, expect, it } from 'vitest'
import { type HeadRequest, headToTrain } from './head-to-train.js'

const BERT = { model_type: 'bert', architectures: ['BertModel'] }

function head(config: object, rows: readonly object[], request: Partial<HeadRequest> = {}) {
  const files = new Map([['config.json', new Blob([JSON.stringify(config)])]])
  const all = [loadDataset(rows as Record<string, unknown>[])]
  return headToTrain(files, { task: undefined, numLabels: undefined, rows: all, ...request })
}

const labelled = (...labels: readonly unknown[]) => labels.map((label) => ({ text: 'a', label }))

describe('headToTrain', () => {
  it('learns numbers of any size where there is to be one label', async () => {
    const found = await head(BERT, labelled(250_000, 310_000), { numLabels: 1 })
    expect(found).toMatchObject({ task: 'SEQ_CLS', labels: 1, problemType: 'regression' })
    await expect(head(BERT, labelled(250_000, 310_000))).rejects.toMatchObject({ code: 'data.row' })
  })

  it('says of words which labels are too many for the head', async () => {
    const rows = [{ tokens: ['a', 'b'], labels: ['O', 'B-PER'] }]
    const refused = { code: 'config.value', details: { numLabels: 1, labels: ['B-PER', 'O'] } }
    await expect(head(BERT, rows, { numLabels: 1 })).rejects.toMatchObject(refused)
    const numbers = [{ tokens: ['a', 'b'], labels: [0, 4] }]
    await expect(head(BERT, numbers, { numLabels: 3 })).rejects.toMatchObject({ details: { labels: 5 } })
  })

  it('keeps a head that was saved without names, also for rows of one label', async () => {
    const saved = { ...BERT, architectures: ['BertForSequenceClassification'] }
    expect(await head(saved, labelled(0, 0))).toEqual({ task: 'SEQ_CLS', because: 'BertForSequenceClassification' })
    expect(await head(saved, labelled('pos', 'neg'))).toMatchObject({ labels: ['neg', 'pos'] })
    await expect(head(BERT, labelled(0, 0))).rejects.toMatchObject({ code: 'data.unsupervised' })
  })

  it('says where whole numbers leave gaps, which Python’s scripts close', async () => {
    const found = await head(BERT, labelled(1, 2, 7))
    expect(found).toMatchObject({ labels: 8, note: expect.stringContaining('0 to 7, of which no row has 5') })
    expect(await head(BERT, labelled(0, 1, 2))).not.toHaveProperty('note')
  })

  it('has bare models of a family that writes write', async () => {
    const rows = [{ prompt: 'a', completion: 'b' }]
    const bart = { model_type: 'bart', architectures: ['BartModel'] }
    expect(await head(bart, rows)).toEqual({ task: 'SEQ_2_SEQ_LM', because: 'what such models are for' })
    expect(await head(bart, labelled('pos', 'neg'))).toMatchObject({ task: 'SEQ_CLS' })
    await expect(head(BERT, rows)).rejects.toMatchObject({ code: 'config.value' })
  })
})
