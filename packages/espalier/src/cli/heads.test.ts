import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TaskType } from '@espalier/core'
import { bert } from '@espalier/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyModelFiles } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)

const CLASSES = {
  SEQ_CLS: 'BertForSequenceClassification',
  TOKEN_CLS: 'BertForTokenClassification',
  QUESTION_ANS: 'BertForQuestionAnswering',
  MASKED_LM: 'BertForMaskedLM',
} as const

/** What each head reads. */
const ROWS: Readonly<Record<keyof typeof CLASSES, readonly object[]>> = {
  SEQ_CLS: [
    { id: 'a', text: 'once upon', label: 1 },
    { id: 'b', text: 'a time', label: 'O' },
  ],
  TOKEN_CLS: [{ tokens: ['My', ' name'], labels: ['O', 'B-PER'] }],
  QUESTION_ANS: [
    { id: 7, question: 'who', context: '\u{1F600} the cat', answers: { text: ['cat'], answer_start: [6] } },
  ],
  MASKED_LM: [{ text: 'one <|endoftext|> three' }],
}

beforeAll(async () => {
  for (const [task, name] of Object.entries(CLASSES) as [keyof typeof CLASSES & TaskType, string][]) {
    const config = {
      model_type: 'bert',
      architectures: [name],
      vocab_size: 600,
      hidden_size: 16,
      intermediate_size: 24,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 32,
      ...(task === 'QUESTION_ANS'
        ? {}
        : { id2label: { 0: 'O', 1: 'B-PER', 2: 'I-PER' }, label2id: { O: 0, 'B-PER': 1, 'I-PER': 2 } }),
    }
    const files = await tinyModelFiles(task, { family: bert, config })
    const settings = JSON.parse(await (files.get('tokenizer_config.json') as Blob).text()) as object
    files.set('tokenizer_config.json', new Blob([JSON.stringify({ ...settings, mask_token: '<|endoftext|>' })]))
    mkdirSync(at(task))
    for (const [file, blob] of files) writeFileSync(join(at(task), file), Buffer.from(await blob.arrayBuffer()))
    writeFileSync(at(`${task}.jsonl`), ROWS[task].map((row) => `${JSON.stringify(row)}\n`).join(''))
  }
})
afterAll(() => folder.remove())

const run = (command: string, task: string, ...words: string[]) => runOn(command, task, `${task}.jsonl`, ...words)
const runOn = (command: string, task: string, data: string, ...words: string[]) => {
  const answers = task === 'QUESTION_ANS' ? ['--doc-stride', '4'] : [] // of 32 positions
  const given = ['--model', at(task), '--data', at(data), '--backend', 'reference', '--quiet', ...answers]
  return runCli([command, ...given, ...words])
}
const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('espalier predict', () => {
  it('writes a line for each row, by the head of the checkpoint', async () => {
    const [labels, words, answers, masks] = await Promise.all(Object.keys(CLASSES).map((task) => run('predict', task)))
    expect(lines(labels?.stdout ?? '')).toEqual([
      { id: 'a', label: expect.any(String), score: expect.any(Number), scores: expect.any(Object) },
      expect.objectContaining({ id: 'b' }),
    ])
    expect(lines(words?.stdout ?? '')).toEqual([
      {
        tokens: ['My', ' name'],
        labels: [expect.any(String), expect.any(String)],
        scores: [expect.any(Number), expect.any(Number)],
      },
    ])
    const [answer] = lines(answers?.stdout ?? '')
    const characters = [...'\u{1F600} the cat']
    expect(answer).toMatchObject({ id: 7, score: expect.any(Number) })
    expect(characters.slice(answer?.start as number, answer?.end as number).join('')).toBe(answer?.answer)
    const [filled] = lines(masks?.stdout ?? '') as unknown as [{ masks: { token_str: string }[][] }]
    expect(filled.masks).toMatchObject([{ length: 5 }])
  })

  it('names the columns that there are and the nearest, and refuses models that write', async () => {
    writeFileSync(at('near.jsonl'), '{"texts":"x"}\n')
    const near = await runOn('predict', 'SEQ_CLS', 'near.jsonl')
    expect([near.code, near.stderr]).toEqual([
      1,
      expect.stringMatching(/no column text .*\["texts"\].*\nDid you mean texts\?\ncode: data\.shape/),
    ])
    const other = await runOn('predict', 'SEQ_CLS', 'near.jsonl', '--text-field', 'texts')
    expect(other.code).toBe(0)
    const words = await run('predict', 'SEQ_CLS', '--task-type', 'CAUSAL_LM')
    expect(words.code).toBe(1) // BERT has no such head
  })

  it('refuses rows whose text is none, by line', async () => {
    const rows = [{ text: null }, { text: ['a', 'b'] }, { sentence1: 'a', sentence2: null }]
    for (const [i, row] of rows.entries()) {
      writeFileSync(at('none.jsonl'), `{"text":"x"}\n${JSON.stringify(row)}\n`)
      const { code, stdout, stderr } = await runOn('predict', 'SEQ_CLS', 'none.jsonl')
      expect([i, code, stdout]).toEqual([i, 1, ''])
      expect(stderr).toMatch(/is not text \(row="none\.jsonl:2".*\n.*\ncode: data\.row/)
    }
  })
})

describe('espalier eval', () => {
  it('measures what each head is measured by', async () => {
    const found = await Promise.all(Object.keys(CLASSES).map((task) => run('eval', task, '--json')))
    const [labels, words, answers, masks] = found.map(({ stdout }) => Object.keys(lines(stdout)[0] ?? {}))
    expect(labels).toEqual(['eval_loss', 'eval_accuracy', 'eval_f1', 'eval_matthews_correlation'])
    expect(words).toEqual(['eval_loss', 'eval_accuracy', 'eval_precision', 'eval_recall', 'eval_f1'])
    expect(answers).toEqual(['eval_loss', 'eval_exact_match', 'eval_f1'])
    expect(masks).toEqual(['eval_loss', 'perplexity', 'eval_accuracy'])
    const text = await run('eval', 'QUESTION_ANS')
    expect(text.stdout).toMatch(/^loss \d\.\d{4}, exact_match \d+\.\d{3}, f1 \d+\.\d{3}\n$/)
  })
})
