/**
 * A tokenizer.json made of a vocabulary's own files, where there is none: what transformers' conversion makes for a class. Special tokens
 * around texts, and what a class builds itself, are left to the class.
 */
import { EspalierError } from '@espalier/core'
import type { ChosenClass } from '../classes/class-name.js'
import { fileError, isObject, type JsonObject } from '../json-value.js'
import { type NewToken, type SpecialTokenName, specialToken, tokenContent } from '../special-tokens.js'
import { CONTROL, parseSentencePiece, type SentencePieceModel, USER_DEFINED } from './sentence-piece.js'
import { mergesOf, readMerges, readVocabularyJson, readVocabularyLines } from './vocabulary-files.js'

/** Files that vocabularies are in where there is no tokenizer.json. */
export const vocabularyFileNames = [
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
  'spm.model',
  'tekken.json',
  'tiktoken.model',
] as const

/** A file's text, or its bytes. */
export type FileContent = string | Uint8Array

/** What a conversion makes. */
export interface Converted {
  /** In the manner of tokenizer.json. */
  readonly json: JsonObject
  /** Settings that go before those of tokenizer_config.json. */
  readonly settings: JsonObject
  /** Named tokens where the files name none. */
  readonly defaults: Readonly<Partial<Record<SpecialTokenName, string>>>
  /** Tokens of the vocabulary that are never split, in its order. */
  readonly whole: readonly NewToken[] | undefined
}

/** Converts the vocabulary that a class reads. config: tokenizer_config.json. Throws tokenizer.file, config.unsupported. */
export function convertVocabulary(
  files: ReadonlyMap<string, FileContent>,
  chosen: ChosenClass | undefined,
  config: JsonObject,
): Converted {
  for (const [name, kind] of Object.entries(elsewhere)) if (files.has(name)) throw notConverted(name, kind)
  const own = chosen?.builder.vocabulary
  const name = ['tokenizer.model', own].find((candidate) => candidate !== undefined && files.has(candidate))
  if (name === undefined) throw missing(files, chosen)
  const content = files.get(name) as FileContent
  if (name === 'vocab.txt') return plain({ type: 'WordPiece', vocab: readVocabularyLines(textOf(name, content)) })
  if (name === 'vocab.json') {
    const merges = files.get('merges.txt')
    if (merges === undefined)
      throw fileError('merges.txt', 'a vocabulary of byte pair encoding needs the file merges.txt')
    return plain({
      type: 'BPE',
      vocab: readVocabularyJson(name, textOf(name, content)),
      merges: readMerges('merges.txt', textOf('merges.txt', merges)),
    })
  }
  return fromSentencePiece(name, parseSentencePiece(name, bytesOf(name, content)), chosen, config)
}

const elsewhere = { 'tekken.json': "Mistral's tekken", 'tiktoken.model': 'tiktoken' }

const plain = (model: JsonObject): Converted => ({ json: { model }, settings: {}, defaults: {}, whole: undefined })

function fromSentencePiece(
  file: string,
  model: SentencePieceModel,
  chosen: ChosenClass | undefined,
  config: JsonObject,
): Converted {
  const { pieces, ids, charsmap, names } = model
  const kind = chosen?.builder.model ?? (model.isUnigram ? 'Unigram' : 'BPE')
  if (kind === 'WordPiece') throw notConverted(file, `SentencePiece for ${chosen?.name}`)
  if (chosen?.builder.needsCharsmap === true && charsmap.length === 0)
    throw notConverted(file, `SentencePiece without a map of characters for ${chosen.name}`)
  const whole = pieces
    .filter((piece) => piece.kind === CONTROL || piece.kind === USER_DEFINED)
    .map((piece) => ({ ...specialToken(piece.text), special: piece.kind === CONTROL }))
  const map = charsmap.length === 0 ? [] : [{ type: 'Precompiled', precompiled_charsmap: base64(charsmap) }]
  const settings = kind === 'Unigram' ? { unk_id: ids.unk } : {}
  if (chosen !== undefined)
    return {
      json: { model: modelOf(model, kind, chosen, config), normalizer: map[0] ?? null },
      settings,
      defaults: {},
      whole,
    }
  if (
    kind === 'Unigram' &&
    isObject(config.added_tokens_decoder) &&
    Object.keys(config.added_tokens_decoder).length > 0
  )
    throw notConverted(file, 'Unigram with added_tokens_decoder and no class') // transformers fails too
  const options = { byte_fallback: model.byteFallback }
  const made = modelOf(model, kind, undefined, config)
  return {
    json: {
      model:
        kind === 'Unigram'
          ? { ...made, unk_id: ids.unk, ...options }
          : { ...made, vocab: renamed(made.vocab, config), unk_token: names.unk, fuse_unk: true, ...options },
      normalizer: {
        type: 'Sequence',
        normalizers: [...map, { type: 'Replace', pattern: { String: ' ' }, content: SPACE }],
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
          ...(model.byteFallback ? [{ type: 'ByteFallback' }, { type: 'Fuse' }] : []),
        ],
      },
    },
    settings,
    defaults: {
      ...(ids.bos >= 0 && { bos: names.bos }),
      ...(ids.eos >= 0 && { eos: names.eos }),
      ...(ids.unk >= 0 && { unk: names.unk }),
    },
    whole,
  }
}

const SPACE = '▁'

function modelOf(
  { pieces }: SentencePieceModel,
  kind: 'Unigram' | 'BPE',
  chosen: ChosenClass | undefined,
  config: JsonObject,
): JsonObject {
  if (kind === 'Unigram') {
    const own = pieces.map(({ text, score }) => [text, score] as const)
    return { type: 'Unigram', vocab: chosen?.builder.pieces?.(own, config) ?? own }
  }
  const ids = new Map(pieces.map(({ text }, index) => [text, index]))
  return { type: 'BPE', vocab: Object.fromEntries(ids), merges: mergesOf(pieces, ids) }
}

/** The vocabulary with the names that added_tokens_decoder gives to its places, as transformers gives them without a class. */
function renamed(vocab: unknown, config: JsonObject): JsonObject {
  const ids = new Map(Object.entries(vocab as Record<string, number>))
  const tokens = new Map(Array.from(ids, ([token, id]) => [id, token]))
  const decoder = isObject(config.added_tokens_decoder) ? config.added_tokens_decoder : {}
  for (const [key, value] of Object.entries(decoder)) {
    const [id, content] = [Number(key), tokenContent(value)]
    const present = tokens.get(id)
    if (content === undefined || present === undefined || present === content || ids.has(content)) continue
    ids.delete(present)
    ids.set(content, id)
    tokens.set(id, content)
  }
  return Object.fromEntries(ids)
}

function textOf(file: string, content: FileContent): string {
  if (typeof content === 'string') return content
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (cause) {
    throw fileError(file, 'a file is not UTF-8 text', {}, cause)
  }
}

function bytesOf(file: string, content: FileContent): Uint8Array {
  if (typeof content !== 'string') return content
  throw fileError(file, 'a SentencePiece model was given as text, which loses bytes; give its bytes')
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function missing(files: ReadonlyMap<string, FileContent>, chosen: ChosenClass | undefined): Error {
  const needed = ['tokenizer.json', 'tokenizer.model', chosen?.builder.vocabulary].filter((name) => name !== undefined)
  const present = vocabularyFileNames.filter((name) => files.has(name))
  if (present.length === 0) return fileError('tokenizer.json', 'a tokenizer needs the file tokenizer.json', { needed })
  return new EspalierError('config.unsupported', {
    what: 'the vocabulary that is there is not one that this class of tokenizers is made from',
    got: { tokenizer_class: chosen?.name, present, needed },
    fix: 'Name the right class as tokenizer_class in tokenizer_config.json, or write tokenizer.json with save_pretrained of transformers.',
  })
}

function notConverted(file: string, conversion: string): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'a vocabulary needs a conversion that is not here',
    got: { file, conversion },
    fix: 'Write tokenizer.json with save_pretrained of transformers, where it has the conversion.',
  })
}
