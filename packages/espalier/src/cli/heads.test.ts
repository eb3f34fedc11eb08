import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'
import { printed, writeRows, writeTinyHead } from './tiny-heads.fake.js'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)

const TASKS = ['SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS', 'MASKED_LM'] as const
const LABELS = {
  id2label: { 0: 'O', 1: 'B-PER', 2: 'I-PER' },
  label2id: { O: 0, 'B-PER': 1, 'I-PER': 2 },
}

/** What each head reads. */
const ROWS: Readonly<Record<(typeof TASKS)[number], readonly object[]>> = {
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
  for (const task of TASKS) {
    await writeTinyHead(at(task), task, task === 'QUESTION_ANS' ? {} : LABELS)
    writeRows(at(`${task}.jsonl`), ROWS[task])
  }
})
afterAll(() => folder.remove())

const run = (command: string, task: string, ...words: string[]) => runOn(command, task, `${task}.jsonl`, ...words)
const runOn = (command: string, task: string, data: string, ...words: string[]) => {
  const answers = task === 'QUESTION_ANS' ? ['--doc-stride', '4'] : [] // of 32 positions
  const given = ['--model', at(task), '--data', at(data), '--backend', 'reference', '--quiet', ...answers]
  return runCli([command, ...given, ...words])
}
describe('espalier predict', () => {
  it('writes a line for each row, by the head of the checkpoint', async () => {
    const [labels, words, answers, masks] = await Promise.all(TASKS.map((task) => run('predict', task)))
    expect(printed(labels?.stdout ?? '')).toEqual([
      { id: 'a', label: expect.any(String), score: expect.any(Number), scores: expect.any(Object) },
      expect.objectContaining({ id: 'b' }),
    ])
    expect(printed(words?.stdout ?? '')).toEqual([
      {
        tokens: ['My', ' name'],
        labels: [expect.any(String), expect.any(String)],
        scores: [expect.any(Number), expect.any(Number)],
      },
    ])
    const [answer] = printed(answers?.stdout ?? '')
    const characters = [...'\u{1F600} the cat']
    expect(answer).toMatchObject({ id: 7, score: expect.any(Number) })
    expect(characters.slice(answer?.start as number, answer?.end as number).join('')).toBe(answer?.answer)
    const [filled] = printed(masks?.stdout ?? '') as unknown as [{ masks: { token_str: string }[][] }]
    expect(filled.masks).toMatchObject([{ length: 5 }])
  })

  it('writes the vector of each text of a model without a head, as --pooling takes its hidden states together', async () => {
    await writeTinyHead(at('bare'), 'FEATURE_EXTRACTION')
    const vectors = async (...words: string[]) => {
      const given = ['--model', at('bare'), '--data', at('SEQ_CLS.jsonl'), '--backend', 'reference', '--quiet']
      const { stdout } = await runCli(['predict', ...given, ...words])
      return printed(stdout) as unknown as { id: string; embedding: number[] }[]
    }
    const [mean, first, last] = await Promise.all([
      vectors(),
      vectors('--pooling', 'cls'),
      vectors('--pooling', 'last'),
    ])
    expect(mean.map(({ id, embedding }) => [id, embedding.length])).toEqual([
      ['a', 16],
      ['b', 16],
    ])
    expect(new Set([mean, first, last].map((found) => JSON.stringify(found))).size).toBe(3)
  })

  it('writes to a file that appears whole, and replaces no rows that are read', async () => {
    const file = at('said.jsonl')
    const { stdout } = await run('predict', 'SEQ_CLS')
    const written = await run('predict', 'SEQ_CLS', '--output', file)
    expect(written).toMatchObject({ code: 0, stdout: '' })
    expect(readFileSync(file, 'utf8')).toBe(stdout)
    writeFileSync(at('broken.jsonl'), '{"text":"x"}\n{"text":null}\n')
    const broken = await runOn('predict', 'SEQ_CLS', 'broken.jsonl', '--output', file)
    expect([broken.code, readFileSync(file, 'utf8')]).toEqual([1, stdout])
    expect(readdirSync(folder.path).filter((name) => name.includes('said'))).toEqual(['said.jsonl'])
    for (const [path, why] of [
      [at('SEQ_CLS.jsonl'), 'would replace rows that are read'],
      [folder.path, 'is no file'],
    ] as const) {
      const refused = await run('predict', 'SEQ_CLS', '--output', path)
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(why)])
    }
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
    const found = await Promise.all(TASKS.map((task) => run('eval', task, '--json')))
    const [labels, words, answers, masks] = found.map(({ stdout }) => Object.keys(printed(stdout)[0] ?? {}))
    expect(labels).toEqual(['eval_loss', 'eval_accuracy', 'eval_f1', 'eval_matthews_correlation'])
    expect(words).toEqual(['eval_loss', 'eval_accuracy', 'eval_precision', 'eval_recall', 'eval_f1'])
    expect(answers).toEqual(['eval_loss', 'eval_exact_match', 'eval_f1'])
    expect(masks).toEqual(['eval_loss', 'perplexity', 'eval_accuracy'])
    const text = await run('eval', 'QUESTION_ANS')
    expect(text.stdout).toMatch(/^loss \d\.\d{4}, exact_match \d+\.\d{3}, f1 \d+\.\d{3}\n$/)
  })
})
