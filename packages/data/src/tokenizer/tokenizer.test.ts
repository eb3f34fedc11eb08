import { EspalierError } from '@espalier/core'
import { describe, expect, test } from 'vitest'
import { codeOf, tinyTokenizer, tinyTokenizerJson, tinyTokenizerTexts } from '../fixtures/tiny-tokenizer.js'
import { ChatTemplate, type Message } from './chat-template.js'
import { checkExamplesFit } from './check-fit.js'
import { Tokenizer } from './tokenizer.js'

const BERT = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: 'C', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [
    { SpecialToken: { id: 'C', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: 'C', type_id: 0 } },
    { Sequence: { id: 'B', type_id: 1 } },
  ],
  special_tokens: { C: { id: 'C', ids: [1], tokens: ['<eos>'] } },
}

describe('Tokenizer', () => {
  const tokenizer = tinyTokenizer()

  test('text comes back from its ids', () => {
    for (const text of ['', 'the theme', 'naïve 東京 😀\n\n  x', '\uFEFFmark', '<eos> in <pad>text']) {
      expect(tokenizer.decode(tokenizer.encode(text).inputIds)).toBe(text)
    }
    expect(tokenizer.encode('in the').inputIds.map((id) => tokenizer.idToToken(id))).toEqual(['in', 'Ġthe'])
  })

  test('special tokens are skipped when asked, and ids without a token always', () => {
    const { inputIds } = tokenizer.encode('a<eos>b')
    expect(tokenizer.decode([...inputIds, 99_999], { skipSpecialTokens: true })).toBe('ab')
    expect(tokenizer.decode([])).toBe('')
  })

  test('a pair without a template has types 0 and 1, a batch is padded on the chosen side', () => {
    expect(tokenizer.encode(['a', 'bc']).tokenTypeIds).toEqual([0, 1, 1])
    const left = tokenizer.encodeBatch(['a', 'xyz'], { padding: true, paddingSide: 'left', padToMultipleOf: 4 })
    expect(left.attentionMask).toEqual([
      [0, 0, 0, 1],
      [0, 1, 1, 1],
    ])
    expect(left.inputIds[0]?.slice(0, 3)).toEqual([0, 0, 0])
  })

  test('a template puts its tokens around what truncation leaves', () => {
    const json = { ...tinyTokenizerJson(), post_processor: BERT }
    const bert = Tokenizer.fromTexts(tinyTokenizerTexts({}, json))
    const [x, y, z] = bert.encode('xyz', { addSpecialTokens: false }).inputIds
    expect(bert.encode('xyz', { truncation: true, maxLength: 3 }).inputIds).toEqual([1, x, y])
    const pair = bert.encode(['xyz', 'xyz'], { truncation: true, maxLength: 6 })
    expect(pair.inputIds).toEqual([1, x, y, 1, x, y])
    expect(pair.tokenTypeIds).toEqual([0, 0, 0, 0, 1, 1])
    expect(pair.specialTokensMask).toEqual([1, 0, 0, 1, 0, 0])
    const first = bert.encode(['xyz', 'xyz'], { truncation: 'only_first', maxLength: 6 })
    expect(first.inputIds).toEqual([1, x, 1, x, y, z])
  })

  test('lengths that cannot be met are refused', async () => {
    const json = { ...tinyTokenizerJson(), post_processor: BERT }
    const bert = Tokenizer.fromTexts(tinyTokenizerTexts({}, json))
    expect(await codeOf(() => bert.encode('x', { truncation: true, maxLength: 0 }))).toBe('config.value')
    expect(await codeOf(() => bert.encode(['x', 'yyyy'], { truncation: 'only_first', maxLength: 4 }))).toBe(
      'config.value',
    )
    expect(await codeOf(() => bert.encode('x', { padding: 'max_length' }))).toBe('config.value')
    expect(await codeOf(() => tinyTokenizer({ pad_token: null }).encode('x', { padding: true }))).toBe(
      'tokenizer.special',
    )
  })

  test('add_bos_token and add_eos_token in the config do not count beside a tokenizer.json', () => {
    const flagged = tinyTokenizer({ bos_token: '<pad>', add_bos_token: true, add_eos_token: true })
    expect(flagged.encode('x').inputIds).toEqual(flagged.encode('x', { addSpecialTokens: false }).inputIds)
  })

  test('a class that writes spaces otherwise than the file does not replace its pipeline', () => {
    const llama = tinyTokenizer({ tokenizer_class: 'LlamaTokenizerFast' })
    expect(llama.decode(llama.encode('in the end').inputIds)).toBe('in the end')
  })

  test('special_tokens_map.json counts where no added tokens are listed', () => {
    const texts = tinyTokenizerTexts()
    texts.set('special_tokens_map.json', '{ "eos_token": "<pad>" }')
    expect(Tokenizer.fromTexts(texts).eosToken).toBe('<pad>')
  })

  test('a named token that no file defines gets the next id and is special', () => {
    const extended = tinyTokenizer({ mask_token: '<mask>', extra_special_tokens: ['<a>'] })
    expect(extended.maskTokenId).toBe(tokenizer.vocabSize)
    expect(extended.vocabSize).toBe(tokenizer.vocabSize + 2)
    expect(extended.decode(extended.encode('x<a><mask>').inputIds, { skipSpecialTokens: true })).toBe('x')
  })

  test('files are given back unchanged', () => {
    const texts = tinyTokenizerTexts()
    texts.set('special_tokens_map.json', '{ "eos_token" : "<eos>" }\n')
    expect(Tokenizer.fromTexts(texts).toFiles()).toEqual(texts)
  })

  test('ids beyond the model are unfit where a row holds one, and only there', async () => {
    const fits = (inputIds: number[], vocabSize: number) => {
      const examples = {
        length: 1,
        lengths: Int32Array.of(1),
        counts: Int32Array.of(1),
        example: async () => ({ inputIds }),
      }
      return codeOf(() => checkExamplesFit(examples, tokenizer, vocabSize))
    }
    const largest = tokenizer.vocabSize - 1
    expect(await fits([largest], tokenizer.vocabSize)).toBe('none')
    expect(await fits([0, largest - 1], largest)).toBe('none')
    expect(await fits([0, largest], largest)).toBe('tokenizer.unfit')
  })
})

describe('applyChatTemplate', () => {
  const tokenizer = tinyTokenizer()
  const chat = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'yes ' },
  ]

  test('renders the messages and the beginning of an answer', () => {
    expect(tokenizer.applyChatTemplate(chat)).toBe('[user]hi<eos>[assistant]yes <eos>')
    expect(tokenizer.applyChatTemplate(chat.slice(0, 1), { addGenerationPrompt: true })).toBe(
      '[user]hi<eos>[assistant]',
    )
    const ids = tokenizer.applyChatTemplate(chat, { tokenize: true })
    expect(tokenizer.decode(ids)).toBe('[user]hi<eos>[assistant]yes <eos>')
  })

  test('continues the final message, trimmed only where the template trims', () => {
    expect(tokenizer.applyChatTemplate(chat, { continueFinalMessage: true })).toBe('[user]hi<eos>[assistant]yes ')
    const trims = '{% for message in messages %}{{ message.content | trim }}|{% endfor %}'
    const options = { continueFinalMessage: true, chatTemplate: trims }
    expect(tokenizer.applyChatTemplate(chat, options)).toBe('hi|yes')
  })

  test("the template's own message stands in the error", () => {
    const render = () => tokenizer.applyChatTemplate([{ role: 'system', content: 'x' }])
    expect(render).toThrow(/no system here/)
  })

  test('what cannot be rendered is refused', async () => {
    const both = { addGenerationPrompt: true, continueFinalMessage: true }
    expect(await codeOf(() => tokenizer.applyChatTemplate(chat, both))).toBe('config.value')
    const drops = { continueFinalMessage: true, chatTemplate: 'nothing' }
    expect(await codeOf(() => tokenizer.applyChatTemplate(chat, drops))).toBe('tokenizer.template')
    expect(await codeOf(() => tokenizer.applyChatTemplate(chat, { chatTemplate: '{% if %}' }))).toBe(
      'tokenizer.template',
    )
    const none = tinyTokenizer({ chat_template: null })
    expect(await codeOf(() => none.applyChatTemplate(chat))).toBe('tokenizer.template')
    expect(await codeOf(() => tokenizer.applyChatTemplate([], { continueFinalMessage: true }))).toBe(
      'tokenizer.template',
    )
  })
})

describe('broken tokenizer files', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] }
  const json = (changes: object) => JSON.stringify({ ...tinyTokenizerJson(), ...changes })
  const files: [string, Record<string, string>][] = [
    ['no tokenizer.json', {}],
    ['half a file', { 'tokenizer.json': json({}).slice(0, 500) }],
    ['an array', { 'tokenizer.json': '[]' }],
    ['no model', { 'tokenizer.json': json({ model: undefined }) }],
    ['an empty vocabulary', { 'tokenizer.json': json({ model: { ...model, vocab: {} } }) }],
    ['a negative id', { 'tokenizer.json': json({ model: { ...model, vocab: { a: -1 } } }) }],
    ['an id that needs gigabytes', { 'tokenizer.json': json({ model: { ...model, vocab: { a: 4e9 } } }) }],
    [
      'a merge of unknown tokens',
      { 'tokenizer.json': json({ model: { ...model, merges: ['a c'] }, added_tokens: [] }) },
    ],
    ['a merge of one part', { 'tokenizer.json': json({ model: { ...model, merges: ['a'] }, added_tokens: [] }) }],
    ['an unknown unk_token', { 'tokenizer.json': json({ model: { ...model, unk_token: '?' } }) }],
    ['two tokens with one id', { 'tokenizer.json': json({ added_tokens: [{ id: 5, content: '<new>' }] }) }],
    ['an empty added token', { 'tokenizer.json': json({ added_tokens: [{ id: 5000, content: '' }] }) }],
    ['a piece without a score', { 'tokenizer.json': json({ model: { type: 'Unigram', vocab: [['a']] } }) }],
    ['a pattern of nothing', { 'tokenizer.json': json({ normalizer: { type: 'Replace', pattern: {}, content: '' } }) }],
    [
      'a regular expression that is none',
      {
        'tokenizer.json': json({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } }),
      },
    ],
    [
      'a template with an undefined token',
      {
        'tokenizer.json': json({ post_processor: { ...BERT, special_tokens: {} } }),
      },
    ],
    ['a side that is none', { 'tokenizer.json': json({}), 'tokenizer_config.json': '{"padding_side":"up"}' }],
    ['a broken config', { 'tokenizer.json': json({}), 'tokenizer_config.json': '{' }],
  ]
  test.each(files)('%s is refused with tokenizer.file', async (_, texts) => {
    expect(await codeOf(() => Tokenizer.fromFiles((name) => texts[name]))).toBe('tokenizer.file')
  })

  const unknown: [string, object][] = [
    ['model', { model: { type: 'Magic', vocab: { a: 0 } } }],
    ['normalizer', { normalizer: { type: 'Magic' } }],
    ['pre_tokenizer', { pre_tokenizer: { type: 'Magic' } }],
    ['decoder', { decoder: { type: 'Magic' } }],
  ]
  test.each(unknown)('an unknown %s is refused by name', async (component, changes) => {
    const texts: Record<string, string> = { 'tokenizer.json': json({ ...changes, added_tokens: [] }) }
    const error = await Tokenizer.fromFiles((name) => texts[name]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'config.unsupported', details: { component, type: 'Magic' } })
  })

  test('entries nested without end are refused', async () => {
    let normalizer: object = { type: 'Lowercase' }
    for (let i = 0; i < 1000; i++) normalizer = { type: 'Sequence', normalizers: [normalizer] }
    let post_processor: object = { type: 'ByteLevel' }
    for (let i = 0; i < 1000; i++) post_processor = { type: 'Sequence', processors: [post_processor] }
    for (const entry of [{ normalizer }, { post_processor }])
      expect(await codeOf(() => Tokenizer.fromTexts(new Map([['tokenizer.json', json(entry)]])))).toBe('tokenizer.file')
  })

  test('templates and messages nested without end are told from broken ones', () => {
    const depth = 100_000
    const read = () => new ChatTemplate(`{{ ${'('.repeat(depth)}1${')'.repeat(depth)} }}`)
    expect(read).toThrow(expect.objectContaining({ details: { reason: 'it is nested too deeply', line: 1 } }))
    let content: object = {}
    for (let i = 0; i < depth; i++) content = { content }
    const template = new ChatTemplate('{{ messages }}')
    expect(() => template.render([{ role: 'user', content } as unknown as Message], {}, {})).toThrow(
      'more than 200 levels deep',
    )
  })

  test('the error names the file and the place', () => {
    const texts = new Map([['tokenizer.json', json({ model: { ...model, vocab: { a: 'x' } } })]])
    const read = () => Tokenizer.fromTexts(texts)
    expect(read).toThrow(EspalierError)
    expect(read).toThrow(/tokenizer\.json.*model\.vocab\.a/)
  })
})
