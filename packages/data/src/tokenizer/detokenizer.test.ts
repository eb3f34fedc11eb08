import { describe, expect, test } from 'vitest'
import { tinyTokenizer, tinyTokenizerJson, tinyTokenizerTexts } from '../fixtures/tiny-tokenizer.js'
import { Detokenizer } from './detokenizer.js'
import { Tokenizer } from './tokenizer.js'

describe('Detokenizer', () => {
  const tokenizer = tinyTokenizer()

  test('gives whole characters only, and all of the text in the end', () => {
    const text = 'a 東😀 the\uFEFF é'
    const stream = tokenizer.detokenizer()
    const parts = tokenizer.encode(text).inputIds.map((id) => stream.push(id))
    expect(parts.join('') + stream.end()).toBe(text)
    expect(parts.some((part) => part.includes('\uFFFD'))).toBe(false)
    expect(parts.filter((part) => part === '').length).toBeGreaterThan(0)
  })

  test('ends with a replacement character where the text ends inside a character', () => {
    const stream = tokenizer.detokenizer()
    const [first] = tokenizer.encode('é').inputIds
    expect(stream.push(first as number)).toBe('')
    expect(stream.end()).toBe('\uFFFD')
    expect(stream.push(tokenizer.encode('x').inputIds[0] as number)).toBe('x')
  })

  test('skips special tokens when asked', () => {
    const stream = tokenizer.detokenizer({ skipSpecialTokens: true })
    expect([...tokenizer.encode('x<eos>y').inputIds].map((id) => stream.push(id))).toEqual(['x', '', 'y'])
  })

  test('decodes only the ids since the last text, however long the stream is', () => {
    let most = 0
    const decode = (ids: readonly number[]) => {
      most = Math.max(most, ids.length)
      return 'x'.repeat(ids.length)
    }
    const stream = new Detokenizer({ decode, heldLength: () => 0, isOpen: () => false }, () => false)
    let text = ''
    for (let i = 0; i < 10_000; i++) text += stream.push(i)
    expect(text).toHaveLength(10_000)
    expect(most).toBe(2)
  })

  test('holds a space that the clean-up may still remove', () => {
    const tokens = ['<unk>', 'do', 'n', "'", 't', '.', 's', '!']
    const json = {
      ...tinyTokenizerJson(),
      added_tokens: [],
      pre_tokenizer: { type: 'Whitespace' },
      decoder: null,
      model: {
        type: 'WordPiece',
        unk_token: '<unk>',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: 9,
        vocab: Object.fromEntries(tokens.map((t, i) => [t, i])),
      },
    }
    const texts = tinyTokenizerTexts(
      { clean_up_tokenization_spaces: true, eos_token: undefined, pad_token: undefined },
      json,
    )
    const cleaning = Tokenizer.fromTexts(texts)
    for (const ids of [
      [1, 5, 1],
      [1, 3, 6, 1],
      [1, 3, 1, 3],
      [1, 7],
      [1, 1],
    ]) {
      const stream = cleaning.detokenizer()
      expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(cleaning.decode(ids))
    }
    expect(cleaning.decode([1, 5])).toBe('do.')
  })
})
