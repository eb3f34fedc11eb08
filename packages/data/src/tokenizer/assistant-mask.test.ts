import { describe, expect, test } from 'vitest'
import { codeOf, tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { assistantMask } from './assistant-mask.js'

describe('assistantMask', () => {
  test('ids of generated parts count, a part that no id stands for ends the search', () => {
    const offsets = [
      [0, 2],
      [2, 3],
      [3, 6],
      [6, 7],
    ] as const
    expect(assistantMask(offsets, [[2, 6]])).toEqual([0, 1, 1, 0])
    expect(
      assistantMask(offsets, [
        [0, 1],
        [6, 7],
      ]),
    ).toEqual([1, 1, 1, 1]) // as transformers: the first id as the last is none
    expect(
      assistantMask(offsets, [
        [9, 12],
        [2, 3],
      ]),
    ).toEqual([0, 0, 0, 0])
    expect(assistantMask(offsets, [[0, 0]])).toEqual([0, 0, 0, 0])
  })
})

describe('applyChatTemplate with returnAssistantTokensMask', () => {
  const chat_template =
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content + eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
  const messages = [
    { role: 'user', content: 'ab' },
    { role: 'assistant', content: 'c' },
    { role: 'user', content: 'd' },
  ]

  test('marks what the template marks, and needs ids of whole messages', async () => {
    const tokenizer = tinyTokenizer({ chat_template })
    const { inputIds, assistantMasks } = tokenizer.applyChatTemplate(messages, {
      tokenize: true,
      returnAssistantTokensMask: true,
    })
    expect(inputIds).toEqual(tokenizer.applyChatTemplate(messages, { tokenize: true }))
    expect(tokenizer.decode(inputIds.filter((_, index) => assistantMasks[index] === 1))).toBe('c<eos>')
    const refused = { tokenize: true, returnAssistantTokensMask: true, continueFinalMessage: true } as const
    expect(await codeOf(() => tokenizer.applyChatTemplate(messages, refused))).toBe('config.value')
  })
})
