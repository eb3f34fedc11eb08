import { type ModelConfig, reference, type TaskType } from '@espalier/core'
import { bert } from '@espalier/models'
import { describe, expect, it } from 'vitest'
import { loadPretrained } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import type { WordLabels } from './labelled-words.js'

const CONFIG: ModelConfig = {
  model_type: 'bert',
  vocab_size: 600,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 32,
  num_labels: 3,
  id2label: { 0: 'O', 1: 'B-PER', 2: 'I-PER' },
}

async function load(task: TaskType, changes: Readonly<Record<string, unknown>> = {}) {
  const files = await tinyModelFiles(task, { family: bert, config: CONFIG })
  const settings = JSON.parse(await (files.get('tokenizer_config.json') as Blob).text()) as object
  files.set('tokenizer_config.json', new Blob([JSON.stringify({ ...settings, ...changes })]))
  return loadPretrained(files, task, { backend: reference() })
}

describe('predict', () => {
  it('labels each word by its first token, the words of a longer text than the model reads too', async () => {
    await using model = await load('TOKEN_CLS')
    const tokens = ['My', ' name', ' is', ' Ada']
    const found: WordLabels = await model.predict({ tokens })
    expect(found.tokens).toEqual(tokens)
    for (const label of found.labels) expect(['O', 'B-PER', 'I-PER']).toContain(label)
    expect(found.scores.every((score) => score !== null && score >= 1 / 3 && score <= 1)).toBe(true)
    expect(await model.predict([{ tokens }, { tokens: [] }])).toEqual([found, { tokens: [], labels: [], scores: [] }])
    const long = await model.predict({ tokens: Array.from({ length: 50 }, () => ' name') })
    expect(long.labels).not.toContain(null)
    expect((await model.predict({ tokens: ['', 'x'] })).labels[0]).toBeNull()
  })

  it('answers questions from a context, of which the answer is a stretch, and may have none where it is allowed to', async () => {
    await using model = await load('QUESTION_ANS')
    const input = { question: 'Who?', context: 'It was Ada, in the garden, who wrote the first one of all of them.' }
    const windows = { maxLength: 24, docStride: 4 }
    const found = await model.predict(input, windows)
    expect(input.context.slice(found.start, found.end)).toBe(found.answer)
    expect(found.answer).not.toBe('')
    expect(found.nBest[0]?.probability).toBe(found.score)
    expect(await model.predict([input, input], windows)).toEqual([found, found])
    const options = { ...windows, version2WithNegative: true, nullScoreDiffThreshold: -1e9 }
    expect(await model.predict(input, options)).toMatchObject({ answer: '', start: 0, end: 0 })
  })

  it('fills masks in, best first', async () => {
    await using model = await load('MASKED_LM', { mask_token: '<|endoftext|>' })
    const [tokens] = await model.predict({ masked: 'one <|endoftext|> three' }, { topK: 3 })
    expect(tokens).toHaveLength(3)
    const [best, second] = tokens ?? []
    expect(best?.score).toBeGreaterThanOrEqual(second?.score as number)
    expect(best?.sequence).toContain(best?.tokenStr)
    expect(await model.predict([{ masked: 'a <|endoftext|> b <|endoftext|>' }])).toMatchObject([{ length: 2 }])
    await expect(model.predict({ masked: 'no mask' })).rejects.toMatchObject({ code: 'config.value' })
  })

  it('makes a vector of each text, of all hidden states, the first or the last, whatever stands beside it', async () => {
    await using model = await load('FEATURE_EXTRACTION')
    const texts = [{ text: 'once' }, { text: 'a much longer text than the other' }, { text: ['a', 'pair'] }] as const
    const together = await model.predict([...texts])
    for (const [i, text] of texts.entries()) {
      const { embedding } = await model.predict(text)
      expect(embedding).toHaveLength(CONFIG.hidden_size as number)
      expect(largest(embedding, together[i]?.embedding)).toBeLessThan(1e-5) // other padding, sums in another order
    }
    const one = await model.predict({ text: 'x' }, { pooling: 'cls' })
    expect((await model.predict({ text: 'x' }, { pooling: 'last' })).embedding).toEqual(one.embedding) // a single token
    await expect(model.predict({ text: 'x' }, { pooling: 'max' as never })).rejects.toMatchObject({
      code: 'config.value',
    })
    await expect(model.predict({ text: 7 as never })).rejects.toMatchObject({ code: 'config.value' })
    await expect(model.predict('a text')).rejects.toMatchObject({ fix: expect.stringContaining('{ text }') })
  })

  it('takes tokenized inputs with their text beside them', async () => {
    await using model = await load('SEQ_CLS')
    const inputIds = [5, 3, 9]
    expect(await model.predict([{ inputIds, text: 'once' } as never])).toEqual(await model.predict([{ inputIds }]))
  })

  it('refuses inputs of another head, saying which it takes, and options that do not exist', async () => {
    await using model = await load('TOKEN_CLS')
    await expect(model.predict('a text')).rejects.toMatchObject({
      code: 'model.unsupported',
      details: { task: 'TOKEN_CLS', inputsAreFor: 'SEQ_CLS' },
      fix: expect.stringContaining('{ tokens: [...] }'),
    })
    await expect(model.predict({ tokens: [7] } as never)).rejects.toMatchObject({ code: 'config.value' })
    await expect(model.predict({ tokens: ['a'] }, { topk: 3 } as never)).rejects.toMatchObject({
      code: 'config.unknown',
    })
  })
})

function largest(a: Float32Array, b: Float32Array | undefined): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b?.[i] ?? Number.NaN))))
}
