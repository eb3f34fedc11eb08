/** Rows that both sides get: random ids of one length, or GSM8K tokenized once. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '@espalier/core'
import { loadDataset, prepareSft, Tokenizer } from '@espalier/data'
import type { Setup } from './setup.js'

/** A row in transformers' names. */
export interface Row {
  readonly input_ids: readonly number[]
  readonly labels: readonly number[]
}

/** `count` rows of `length` random ids, all supervised. */
export function denseRows(count: number, length: number, vocabulary = 40_000): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const ids = [...new Random(i).permutation(vocabulary).slice(0, length)]
    return { input_ids: ids, labels: ids }
  })
}

/** GSM8K's first rows as prompt and completion. */
export async function gsm8kTexts(data: string, count: number): Promise<{ prompt: string; completion: string }[]> {
  const lines = (await readFile(join(data, 'gsm8k/train.jsonl'), 'utf8')).trim().split('\n').slice(0, count)
  return lines
    .map((line) => JSON.parse(line) as { question: string; answer: string })
    .map(({ question, answer }) => ({ prompt: `${question}\n`, completion: answer }))
}

/** GSM8K's first rows, or all, as prompt and completion, the prompt masked. */
export async function gsm8kRows({ data, model }: Setup, count = Number.POSITIVE_INFINITY): Promise<Row[]> {
  const tokenizer = await Tokenizer.fromFiles((name) => readFile(join(model, name), 'utf8').catch(() => undefined))
  const prepared = await prepareSft(loadDataset(await gsm8kTexts(data, count)), tokenizer, { maxLength: 1024 })
  return Promise.all(
    Array.from({ length: prepared.length }, async (_, i) => {
      const { inputIds, labels } = await prepared.example(i)
      return { input_ids: [...inputIds], labels: [...labels] }
    }),
  )
}

/** Sizes of rows, for planning shapes. */
export function sizesOf(rows: readonly Row[]): { lengths: number[]; counts: number[] } {
  return {
    lengths: rows.map((row) => row.input_ids.length),
    counts: rows.map((row) => row.labels.slice(1).filter((label) => label !== -100).length),
  }
}

/** Supervised tokens of rows. */
export function usefulTokens(rows: readonly Row[]): number {
  return sizesOf(rows).counts.reduce((a, b) => a + b, 0)
}
