import { describe, expect, it } from 'vitest'
import { DataCollatorForQuestionAnswering } from '../collate/answer-collator.js'
import { loadDataset } from '../dataset/load-dataset.js'
import { codeOf, tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { type AnswerExamples, prepareAnswers, type WindowSettings } from './prepare-answers.js'

const tokenizer = tinyTokenizer({ cls_token: '<eos>' })
const prepare = (rows: readonly Record<string, unknown>[], settings: WindowSettings = {}): Promise<AnswerExamples> =>
  prepareAnswers(loadDataset(rows), async () => tokenizer, settings)

const row = (context: string, text: string[], answer_start: number[]) => ({
  question: '  who?',
  context,
  answers: { text, answer_start },
})

describe('prepareAnswers', () => {
  it('finds the tokens of an answer, also when it ends the context, and cuts what stands before the question', async () => {
    const { windows, warnings } = await prepare([row('it is the cat', ['the cat'], [6])])
    const [{ inputIds, positions, offsets }] = windows as [(typeof windows)[number]]
    expect(tokenizer.decode(inputIds)).toBe('who?it is the cat')
    const [start, end] = positions
    expect(tokenizer.decode(inputIds.slice(start, end + 1))).toBe(' the cat')
    expect([offsets[0], offsets[start], offsets[end]]).toEqual([null, [5, 9], [12, 13]])
    expect(warnings).toEqual([])
    const last = (await prepare([row('it is the', ['the'], [6])])).windows[0]
    expect(last?.positions).toEqual([last!.inputIds.length - 1, last!.inputIds.length - 1])
  })

  it('makes windows that overlap, of which those with the whole answer know it', async () => {
    const { windows, length, lengths } = await prepare([row('abcdefghij', ['fg'], [5])], { maxLength: 8, docStride: 2 })
    expect(length).toBe(windows.length)
    const texts = windows.map(({ inputIds }) => tokenizer.decode(inputIds.slice(4)))
    expect(texts).toEqual(['abcd', 'cdef', 'efgh', 'ghij'])
    expect(windows.map(({ positions }) => positions)).toEqual([
      [0, 0],
      [0, 0],
      [5, 6],
      [0, 0],
    ])
    expect([...lengths]).toEqual([8, 8, 8, 8])
    expect(windows.map(({ row: of, window }) => [of, window])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
    ])
  })

  it('counts characters as Python does, and takes a list of answers, JSON, and none at all', async () => {
    const context = '\u{1F600} the cat'
    const answers = [{ text: 'cat', answer_start: 6 }]
    const found = await prepare([
      { question: 'q', context, answers },
      { question: 'q', context, answers: JSON.stringify(answers) },
      { question: 'q', context, answers: [] },
    ])
    const [first, second, third] = found.windows
    expect(context.slice(found.rows[0]?.answers[0]?.start, found.rows[0]?.answers[0]?.end)).toBe('cat')
    expect(second?.positions).toEqual(first?.positions)
    expect(first?.offsets[first.positions[1]]).toEqual([9, 10])
    expect(third?.positions).toEqual([0, 0])
  })

  it('warns of answers that are not where they are said to be', async () => {
    const { warnings } = await prepare([row('it is the cat', ['cat'], [9]), row('it is the cat', ['cat'], [10])])
    expect(warnings?.join()).toMatch(/^1 of 2 rows have an answer that is not at its answer_start/)
  })

  it('refuses rows without columns, of other types, and questions without room, naming the row', async () => {
    expect(await codeOf(() => prepare([{ question: 'q', text: 'x' }]))).toBe('data.shape')
    expect(await codeOf(() => prepare([{ question: 'q', context: 1, answers: [] }]))).toBe('data.row')
    expect(await codeOf(() => prepare([{ question: 'q', context: 'c', answers: { text: ['c'] } }]))).toBe('data.row')
    const long = prepare([row('abcdefghij', [], [])], { maxLength: 6, docStride: 2 })
    await expect(long).rejects.toMatchObject({ code: 'data.row', details: { row: expect.stringContaining('1') } })
  })

  it('becomes feeds with both ends and the place of each window', async () => {
    const { windows } = await prepare([row('abcdefghij', ['fg'], [5])], { maxLength: 8, docStride: 2 })
    const collator = new DataCollatorForQuestionAnswering({ padId: 0 })
    const { feeds, count } = collator.collate(windows.slice(2), { rows: 4, length: 8, countedSize: 0 })
    const values = (name: string) => [...(feeds[name]?.data ?? [])]
    expect([values('start_positions'), values('end_positions')]).toEqual([
      [5, 0, 0, 0],
      [6, 0, 0, 0],
    ])
    expect([values('windows'), values('label_weights'), count]).toEqual([[2, 3, -1, -1], [1, 1, 0, 0], 2])
  })
})
