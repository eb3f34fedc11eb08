/** The engine beside the Rust library; expected values: tokenizers 0.23. */
import { describe, expect, test } from 'vitest'
import type { AddedToken } from '../tokenizer/special-tokens.js'
import { type Engine, type EngineConfig, makeEngine } from './engine.js'
import { findText } from './expression/finder.js'
import { parseNormalizers } from './normalizers.js'
import { parsePreTokenizer } from './pre-tokenizers.js'
import { parseBehavior, splitText } from './split-text.js'

const pieces = (entry: object, text: string) =>
  (parsePreTokenizer(entry)?.([{ text, isFirst: true }]) ?? []).map((piece) => piece.text)

describe('pre-tokenizers', () => {
  test.each<[string, object, string, string[]]>([
    [
      'Whitespace keeps words of all scripts whole',
      { type: 'Whitespace' },
      'café дом ½ a_b!',
      ['café', 'дом', '½', 'a_b', '!'],
    ],
    [
      'Digits knows the digits of all scripts',
      { type: 'Digits', individual_digits: true },
      'x٣٤½',
      ['x', '٣', '٤', '½'],
    ],
    [
      'a first space is put before the first piece only',
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
      'a b',
      ['▁a', '▁b'],
    ],
  ])('%s', (_, entry, text, expected) => {
    expect(pieces(entry, text)).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['Removed', ['a', 'b', 'c']],
    ['Isolated', ['a', '-', '-', 'b', '-', 'c']],
    ['MergedWithPrevious', ['a-', '-', 'b-', 'c']],
    ['MergedWithNext', ['a', '-', '-b', '-c']],
    ['Contiguous', ['a', '--', 'b', '-', 'c']],
  ])('%s', (behavior, expected) => {
    expect(splitText('a--b-c', findText('-'), parseBehavior('', behavior))).toEqual(expected)
  })
})

describe('normalizers', () => {
  test('lower case knows no final sigma', () => {
    expect(parseNormalizers({ type: 'Lowercase' })[0]?.('ΟΔΟΣ İ')).toBe('οδοσ i̇')
  })
  test('a replacement that grows without end is refused', () => {
    const doubled = { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(1_000) }
    const steps = parseNormalizers({ type: 'Sequence', normalizers: [doubled, doubled, doubled, doubled] })
    expect(() => steps.reduce((text, step) => step(text), 'a')).toThrow('more than 134217728 characters')
  })
})

const vocabulary = new Map(['[UNK]', 'a', 'b', 'new'].map((token, id) => [token, id]))

function engine(changes: Partial<EngineConfig>): Engine {
  const model = { type: 'WordLevel', unk_token: '[UNK]' }
  return makeEngine(
    { normalizer: null, pre_tokenizer: { type: 'Whitespace' }, decoder: null, model, added_tokens: [], ...changes },
    vocabulary,
  )
}

const token = (content: string, id: number, flags: Partial<AddedToken> = {}): AddedToken => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
  ...flags,
})

describe('added tokens', () => {
  test('a single word is none inside of words of any script', () => {
    const made = engine({ added_tokens: [token('a', 1, { single_word: true })] })
    expect(made.encode('a éa a')).toEqual([1, 0, 1])
  })
  test('the longest at the leftmost place is taken', () => {
    const made = engine({ added_tokens: [token('x', 4), token('xy', 5)] })
    expect(made.encode('xyx')).toEqual([5, 4])
  })
  test('a token takes the spaces it asks for, and what a neighbour took is not taken twice', () => {
    const made = engine({ added_tokens: [token('x', 4, { rstrip: true }), token('\n', 5, { lstrip: true })] })
    expect(made.encode('ax \na')).toEqual([1, 4, 1])
  })
  test('a normalized token is found in normalized text and given back so', () => {
    const made = engine({ normalizer: { type: 'Lowercase' }, added_tokens: [token('XY', 4, { normalized: true })] })
    expect(made.encode('xy XY')).toEqual([4, 4])
    expect(made.decode([4, 1], false)).toBe('xy a')
  })
})

test('half of a surrogate pair is refused with its place', () => {
  expect(() => engine({}).encode('a \ud83d')).toThrow('a text holds half of a character (position=2, unit="U+D83D")')
})
