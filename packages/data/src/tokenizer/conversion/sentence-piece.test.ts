import { EspalierError } from '@espalier/core'
import { describe, expect, test } from 'vitest'
import { sentencePiece } from '../../fixtures/sentence-piece.js'
import { parseSentencePiece } from './sentence-piece.js'

const bytes = sentencePiece(
  [
    ['<unk>', 0, 2],
    ['<s>', 0, 3],
    ['▁a', -1.5],
    ['é', -2],
  ],
  { isUnigram: false, byteFallback: true, unkId: 0, padId: -1 },
)

describe('parseSentencePiece', () => {
  test('reads pieces with scores and kinds, and what its trainer says', () => {
    const model = parseSentencePiece('tokenizer.model', bytes)
    expect(model.pieces).toEqual([
      { text: '<unk>', score: 0, kind: 2 },
      { text: '<s>', score: 0, kind: 3 },
      { text: '▁a', score: -1.5, kind: 1 },
      { text: 'é', score: -2, kind: 1 },
    ])
    expect(model).toMatchObject({ isUnigram: false, byteFallback: true, ids: { unk: 0, bos: 1, eos: 2 } })
    expect(model.names).toEqual({ unk: '<unk>', bos: '<s>', eos: '</s>' })
    expect(model.charsmap).toHaveLength(0)
  })

  test('ends with tokenizer.file wherever a file is cut, and never hangs on one with other bytes', () => {
    const outcomes = new Set<string>()
    const read = (changed: Uint8Array) => {
      try {
        parseSentencePiece('tokenizer.model', changed)
        outcomes.add('read')
      } catch (error) {
        if (!EspalierError.isInstance(error)) throw error
        outcomes.add(error.code)
      }
    }
    for (let length = 0; length < bytes.length; length++) read(bytes.subarray(0, length))
    for (let at = 0; at < bytes.length; at++)
      for (const byte of [0, 1, 7, 63, 127, 128, 200, 255]) {
        const changed = Uint8Array.from(bytes)
        changed[at] = byte
        read(changed)
      }
    expect([...outcomes].sort()).toEqual(['read', 'tokenizer.file'])
  })

  test.each([
    ['text', new TextEncoder().encode('{"model": {}}')],
    ['nothing', new Uint8Array(0)],
    ['a length beyond the file', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ['a negative length', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ['a number without end', new Uint8Array(64).fill(0x80)],
    ['a group', Uint8Array.of(0x0b, 0x0c)],
    ['a number for a piece', Uint8Array.of(0x08, 0x01)],
    ['a piece that is not UTF-8', Uint8Array.of(0x0a, 0x03, 0x0a, 0x01, 0xff)],
    ['a score without end', sentencePiece([['a', Number.NaN]])],
  ])('%s is refused with tokenizer.file', (_, hostile) => {
    expect(() => parseSentencePiece('tokenizer.model', hostile)).toThrow(
      expect.objectContaining({ code: 'tokenizer.file' }),
    )
  })
})
