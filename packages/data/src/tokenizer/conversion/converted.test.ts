import { EspalierError } from '@espalier/core'
import { describe, expect, test } from 'vitest'
import { sentencePiece } from '../../fixtures/sentence-piece.js'
import { Tokenizer } from '../tokenizer.js'

type Files = Readonly<Record<string, string | Uint8Array>>

const WORDS = '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhe\n##llo\nparis\n'
const PAIRS = { 'vocab.json': '{"a":0,"b":1,"ab":2,"Ġ":3,"Ġab":4}', 'merges.txt': '#version: 0.2\na b\nĠ ab\n' }
const PIECES = sentencePiece(
  [
    ['<unk>', 0, 2],
    ['<s>', 0, 3],
    ['</s>', 0, 3],
    ['▁', -1],
    ['a', -2],
    ['▁a', -3],
    ['b', -4],
    ['▁ab', -5],
  ],
  { isUnigram: false },
)

const made = (files: Files) => Tokenizer.fromTexts(new Map(Object.entries(files)))
const named = (tokenizer_class: string, more = {}) => JSON.stringify({ tokenizer_class, ...more })

function refusal(files: Files): EspalierError {
  try {
    made(files)
  } catch (error) {
    if (EspalierError.isInstance(error)) return error
    throw error
  }
  throw new Error('it was read')
}

// Ids are those of transformers 5.18; tools/interop/src/tokens compares many more.
describe('a tokenizer without tokenizer.json', () => {
  test('is read from vocab.txt by the class that tokenizer_config.json or config.json tells', () => {
    const configs: readonly Files[] = [
      { 'tokenizer_config.json': named('BertTokenizer') },
      { 'config.json': '{"model_type":"bert"}' },
    ]
    for (const config of configs)
      expect(made({ 'vocab.txt': WORDS, ...config }).encode('Héllo Paris').inputIds).toEqual([2, 5, 6, 7, 3])
  })

  test('is read from vocab.json and merges.txt, with the tokens around texts that tokenizer_config.json asks for', () => {
    const config = named('GPT2Tokenizer', { add_bos_token: true, bos_token: '<s>' })
    expect(made({ ...PAIRS, 'tokenizer_config.json': config }).encode('ab ab').inputIds).toEqual([5, 2, 4])
  })

  test('is read from SentencePiece, its merges in the order of what they make', () => {
    const llama = made({ 'tokenizer.model': PIECES, 'tokenizer_config.json': named('LlamaTokenizer') })
    expect(llama.encode('ab b').inputIds).toEqual([7, 3, 6])
    expect(llama.decode([7, 3, 6])).toBe('ab b')
    expect(llama.paddingSide).toBe('left')
  })

  test('is saved as a tokenizer.json with the name of its class, which reads the same', () => {
    const folders: readonly Files[] = [
      { 'vocab.txt': WORDS, 'config.json': '{"model_type":"bert"}' },
      { ...PAIRS, 'config.json': '{"model_type":"opt"}', 'tokenizer_config.json': '{"add_eos_token":true}' },
      { 'tokenizer.model': PIECES, 'config.json': '{"model_type":"gemma"}' },
      {
        'tokenizer.model': PIECES,
        'tokenizer_config.json': named('LlamaTokenizer'),
        'config.json': '{"model_type":"mistral"}',
      },
    ]
    for (const files of folders) {
      const first = made(files)
      const again = Tokenizer.fromTexts(first.toFiles())
      expect(again.encode(['ab Paris<s>', 'b']).inputIds).toEqual(first.encode(['ab Paris<s>', 'b']).inputIds)
      expect(Tokenizer.fromTexts(again.toFiles()).toFiles()).toEqual(first.toFiles())
    }
  })

  test('Code Llama begins texts, and refuses one that asks for infilling', () => {
    const code = made({ 'tokenizer.model': PIECES, 'tokenizer_config.json': named('CodeLlamaTokenizer') })
    expect(code.encode('ab').inputIds).toEqual([1, 7])
    expect(() => code.encode('a<FILL_ME>b')).toThrow(expect.objectContaining({ code: 'config.unsupported' }))
    expect(Tokenizer.fromTexts(code.toFiles()).encode('ab').inputIds).toEqual([1, 7])
  })

  test.each<[string, Files, string]>([
    ['no vocabulary', { 'tokenizer_config.json': named('BertTokenizer') }, 'tokenizer.file'],
    [
      'a vocabulary of another class',
      { 'vocab.txt': WORDS, 'tokenizer_config.json': named('GPT2Tokenizer') },
      'config.unsupported',
    ],
    ['a vocabulary and no class', { 'vocab.txt': WORDS }, 'config.unsupported'],
    [
      'no merges',
      { 'vocab.json': PAIRS['vocab.json'], 'tokenizer_config.json': named('GPT2Tokenizer') },
      'tokenizer.file',
    ],
    [
      'a merge of three',
      { ...PAIRS, 'merges.txt': 'a b ab\n', 'tokenizer_config.json': named('GPT2Tokenizer') },
      'tokenizer.file',
    ],
    [
      'SentencePiece as text',
      { 'tokenizer.model': 'a', 'tokenizer_config.json': named('LlamaTokenizer') },
      'tokenizer.file',
    ],
    [
      'SentencePiece for WordPiece',
      { 'tokenizer.model': PIECES, 'tokenizer_config.json': named('BertTokenizer') },
      'config.unsupported',
    ],
    [
      'SentencePiece without its map',
      { 'spiece.model': PIECES, 'tokenizer_config.json': named('T5Tokenizer') },
      'config.unsupported',
    ],
    ['tekken', { 'tekken.json': '{}' }, 'config.unsupported'],
    ['tiktoken', { 'tiktoken.model': new Uint8Array(1) }, 'config.unsupported'],
    [
      'a class of another library',
      { 'vocab.txt': WORDS, 'tokenizer_config.json': named('EsmTokenizer') },
      'config.unsupported',
    ],
    [
      'vocab.txt that is not UTF-8',
      { 'vocab.txt': Uint8Array.of(255), 'tokenizer_config.json': named('BertTokenizer') },
      'tokenizer.file',
    ],
  ])('%s is refused', (_, files, code) => {
    expect(refusal(files).code).toBe(code)
  })
})
