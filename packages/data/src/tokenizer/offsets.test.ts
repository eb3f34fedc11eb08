import { describe, expect, it } from 'vitest'
import { codeOf, tinyTokenizer } from '../fixtures/tiny-tokenizer.js'
import { Tokenizer } from './tokenizer.js'

const special = (id: number, content: string) => ({ id, content, special: true, normalized: false })

/** A tokenizer of a model and its normalizer, without special tokens around texts but with pairs split by [SEP]. */
function tokenizerOf(parts: object, config?: object): Tokenizer {
  const sep = { SpecialToken: { id: '[SEP]', type_id: 0 } }
  const of = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
  const post_processor = {
    type: 'TemplateProcessing',
    single: [of('A', 0)],
    pair: [of('A', 0), sep, of('B', 1)],
    special_tokens: { '[SEP]': { id: '[SEP]', ids: [1], tokens: ['[SEP]'] } },
  }
  const json = {
    version: '1.0',
    added_tokens: [special(0, '[UNK]'), special(1, '[SEP]')],
    decoder: null,
    post_processor,
  }
  const texts = new Map([['tokenizer.json', JSON.stringify({ ...json, ...parts })]])
  if (config !== undefined) texts.set('tokenizer_config.json', JSON.stringify(config))
  return Tokenizer.fromTexts(texts)
}

const vocabulary = (...tokens: string[]) =>
  Object.fromEntries(['[UNK]', '[SEP]', ...tokens].map((token, id) => [token, id]))

const wordPieceParts = {
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    vocab: vocabulary('uni', '##code', 'the', ',', 'e', '##cole'),
  },
}
const wordPiece = tokenizerOf(wordPieceParts)

/** Each token's stretch of the text. */
const stretches = (tokenizer: Tokenizer, text: string) =>
  tokenizer.encodeWindows(text)[0]?.offsetMapping.map(([start, end]) => text.slice(start, end))

describe('encodeWindows', () => {
  it('places parts of words in the text as it was written, unknown words, and special tokens in it', () => {
    expect(stretches(wordPiece, 'Ünicode,  THE cat')).toEqual(['Üni', 'code', ',', 'THE', 'cat'])
    expect(stretches(wordPiece, 'e\u0301cole\u0000 [SEP] the')).toEqual(['e', 'cole', '[SEP]', 'the'])
    expect(stretches(wordPiece, '')).toEqual([])
  })

  it('places parts of words where the class of tokenizer_config.json makes the model, and where the file names no type', () => {
    const made = tokenizerOf(wordPieceParts, { tokenizer_class: 'BertTokenizer', unk_token: '[UNK]' })
    expect(stretches(made, 'Unicode, caf\u00e9')).toEqual(['', 'Uni', 'code', ',', 'caf\u00e9', ''])
    const { type: _, ...model } = wordPieceParts.model
    expect(stretches(tokenizerOf({ ...wordPieceParts, model }), 'Unicode, cafe')).toEqual(['Uni', 'code', ',', 'cafe'])
  })

  it('places bytes of a character on all of it, and spaces with the word behind', () => {
    const tiny = tinyTokenizer()
    const text = 'in the \u{1F600}'
    expect(stretches(tiny, text)).toEqual(['in', ' the', ' ', ...Array(4).fill('\u{1F600}')])
  })

  it('places what a text begins with on its first character, and space that is left on the last', () => {
    const metaspace = tokenizerOf({
      normalizer: { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
      pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always' },
      model: { type: 'BPE', unk_token: '[UNK]', fuse_unk: true, vocab: vocabulary('\u2581', 'a', 'b'), merges: [] },
    })
    expect(metaspace.encodeWindows('a  bxy')[0]?.offsetMapping).toEqual([
      [0, 1],
      [0, 1],
      [2, 3],
      [3, 4],
      [4, 6],
    ])
    expect(metaspace.encodeWindows('   ')[0]?.offsetMapping).toEqual([[2, 3]])
  })

  it('cuts one of two texts into windows that overlap, and keeps the other', () => {
    const pair = ['the', 'the uni uni , the'] as const
    const windows = (options: object) =>
      wordPiece.encodeWindows(pair, { maxLength: 4, ...options }).map(({ inputIds, sequenceIds, offsetMapping }) => {
        expect([sequenceIds[0], sequenceIds[1], offsetMapping[1]]).toEqual([0, null, [0, 0]])
        return inputIds.slice(2).map((id) => wordPiece.idToToken(id))
      })
    expect(windows({})).toEqual([['the', 'uni'], ['uni', ','], ['the']])
    expect(windows({ stride: 1 })).toEqual([
      ['the', 'uni'],
      ['uni', 'uni'],
      ['uni', ','],
      [',', 'the'],
    ])
    expect(windows({ maxLength: 10 })).toHaveLength(1)
    expect(wordPiece.encodeWindows(['the uni', 'the'], { maxLength: 3, truncation: 'only_first' })).toHaveLength(2)
  })

  it('refuses windows without room beyond the stride', async () => {
    const cut = (stride: number) => codeOf(() => wordPiece.encodeWindows('the the the', { maxLength: 2, stride }))
    expect([await cut(1), await cut(2), await cut(-1)]).toEqual(['none', 'config.value', 'config.value'])
  })
})
