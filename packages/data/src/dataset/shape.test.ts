import { describe, expect, test } from 'vitest'
import { codeOf } from '../fixtures/tiny-tokenizer.js'
import { recognizeShape } from './shape.js'

test('names the conversion of conversations with from and value', () => {
  for (const column of ['conversations', 'messages']) {
    const row = { [column]: [{ from: 'human', value: 'hi' }, { from: 'gpt', value: 'yes' }] } // biome-ignore format: one row
    expect(() => recognizeShape(row)).toThrow(expect.objectContaining({ code: 'data.shape' }))
    expect(() => recognizeShape(row)).toThrow(`dataset.map(({ ${column} }) => ({ messages: ${column}.map(`)
  }
})

describe('recognizeShape', () => {
  test('names the shape in words', () => {
    expect(recognizeShape({ text: 'a' }).description).toBe('text rows (text)')
    expect(recognizeShape({ prompt: 'a', completion: 'b', id: 1 }).description).toBe(
      'prompt-completion rows (prompt, completion)',
    )
    const chat = [{ role: 'user', content: 'x' }]
    expect(recognizeShape({ prompt: chat, completion: chat }).description).toBe(
      'prompt-completion rows (prompt, completion), as messages',
    )
    const fields = { promptField: 'question', completionField: 'answer' }
    expect(recognizeShape({ question: 'a', answer: 'b' }, fields).description).toBe(
      'prompt-completion rows (prompt from "question", completion from "answer")',
    )
  })

  test('knows the shapes of other tasks', () => {
    const kinds = [
      { messages: [] },
      { instruction: '', input: '', output: '' },
      { text: '', label: 1 },
      { sentence1: '', sentence2: '', label: 1 },
      { question: '', context: '', answers: {} },
      { tokens: [], labels: [] },
    ].map((row) => recognizeShape(row).kind)
    expect(kinds).toEqual([
      'messages',
      'instruction',
      'text-label',
      'sentence-pair-label',
      'question-answer',
      'tokens-labels',
    ])
  })

  test('a wrong guess is overruled, and names that are not there are refused with those that are', async () => {
    expect(recognizeShape({ text: 'a', label: 1 }, { textField: 'text' }).kind).toBe('text')
    expect(() => recognizeShape({ q: '', a: '' })).toThrow(/columns=\["q","a"\]/)
    expect(() => recognizeShape({ q: '', a: '' }, { promptField: 'question', completionField: 'a' })).toThrow(
      /missing=\["question"\]/,
    )
    expect(await codeOf(() => recognizeShape({ t: '' }, { textField: 't', promptField: 't' }))).toBe('config.value')
  })
})
