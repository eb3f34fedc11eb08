/**
 * The pipeline of a tokenizer.json, as the Rust library `tokenizers` runs it: added tokens, normalizer, pre-tokenizer, model, decoder.
 * Special tokens around a text, truncation and padding are left to the tokenizer. What it does not know it refuses by name.
 */
import { EspalierError } from '@espalier/core'
import { asObject, type JsonObject } from '../tokenizer/json-value.js'
import type { AddedToken } from '../tokenizer/special-tokens.js'
import { AddedVocabulary } from './added-vocabulary.js'
import { parseBytePairs } from './byte-pairs.js'
import { FILE, unknownComponent } from './component.js'
import { type Decoder, type Holding, isByteToken, parseDecoder } from './decoders.js'
import type { Model } from './model.js'
import { type Normalize, parseNormalizers } from './normalizers.js'
import { type PlacedId, placedIds } from './offsets.js'
import { type PreTokenize, parsePreTokenizer } from './pre-tokenizers.js'
import { parseUnigram } from './unigram.js'
import { parseWordLevel, parseWordPiece } from './word-piece.js'

/** What an engine is made from: entries of a tokenizer.json that was checked. */
export interface EngineConfig {
  readonly normalizer: unknown
  readonly pre_tokenizer: unknown
  readonly model: unknown
  readonly decoder: unknown
  readonly added_tokens: readonly AddedToken[]
}

/** Text to ids and back. */
export interface Engine {
  /** Number of tokens, added ones included. */
  readonly size: number
  /** The largest id there is. */
  readonly largestId: number
  /** What of a streamed text may change when more tokens come. */
  readonly holding: Holding
  /** Id of a token, undefined when there is none. */
  tokenToId(token: string): number | undefined
  /** Token of an id, as it is given back; undefined when there is none. */
  idToToken(id: number): string | undefined
  /** Whether `skipSpecialTokens` leaves an id out. */
  isSpecial(id: number): boolean
  /** Whether an id stands for one byte of a character that has no token. */
  isByte(id: number): boolean
  /** Ids of a text, without special tokens around it. Throws config.value for half of a surrogate pair. */
  encode(text: string): number[]
  /** Ids of a text with the range that each came from; undefined where characters are lost on the way. */
  place(text: string, trims: boolean): PlacedId[] | undefined
  /** The text of ids. Ids without a token are left out. */
  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string
}

/** The engine of a tokenizer.json. vocabulary: its model's. Throws config.unsupported for a component that there is none of. */
export function makeEngine(config: EngineConfig, vocabulary: ReadonlyMap<string, number>): Engine {
  return new Pipeline(config, vocabulary)
}

class Pipeline implements Engine {
  readonly #ids: ReadonlyMap<string, number>
  readonly #tokens: ReadonlyMap<number, string>
  readonly #special: ReadonlySet<string>
  readonly #normalizers: readonly Normalize[]
  readonly #splitter: unknown
  readonly #vocabulary: ReadonlyMap<string, number>
  readonly #preTokenize: PreTokenize | undefined
  readonly #model: Model
  readonly #decoder: Decoder
  readonly #raw: AddedVocabulary
  readonly #normalized: AddedVocabulary

  constructor(config: EngineConfig, vocabulary: ReadonlyMap<string, number>) {
    const { added_tokens: added } = config
    this.#splitter = config.pre_tokenizer
    this.#vocabulary = vocabulary
    this.#normalizers = parseNormalizers(config.normalizer)
    this.#preTokenize = parsePreTokenizer(config.pre_tokenizer)
    this.#decoder = parseDecoder(config.decoder)
    this.#model = parseModel(asObject(FILE, 'model', config.model), vocabulary)
    this.#ids = new Map([...vocabulary, ...added.map((token) => [token.content, token.id] as const)])
    const tokens = new Map<number, string>()
    for (const [token, id] of vocabulary) tokens.set(id, token)
    // A token that is looked for in normalized text is also given back so.
    const spelled = (token: AddedToken) => (token.normalized ? this.#normalize(token.content) : token.content)
    for (const token of added) tokens.set(token.id, spelled(token))
    this.#tokens = tokens
    this.#special = new Set(added.filter((token) => token.special).map((token) => token.content))
    this.#raw = new AddedVocabulary(added.filter((token) => !token.normalized).map((token) => [token.content, token]))
    this.#normalized = new AddedVocabulary(
      added.filter((token) => token.normalized).map((token) => [spelled(token), token]),
    )
  }

  get size(): number {
    return this.#tokens.size
  }

  get largestId(): number {
    let largest = -1
    for (const id of this.#tokens.keys()) if (id > largest) largest = id
    return largest
  }

  get holding(): Holding {
    return this.#decoder.holding
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token)
  }

  idToToken(id: number): string | undefined {
    return this.#tokens.get(id)
  }

  isSpecial(id: number): boolean {
    return this.#special.has(this.#tokens.get(id) ?? '')
  }

  isByte(id: number): boolean {
    return isByteToken(this.#tokens.get(id) ?? '')
  }

  encode(text: string): number[] {
    if (LONE_SURROGATE.test(text)) throw notUnicode(text)
    const result: number[] = []
    for (const section of this.#raw.split(text)) {
      if (section.id !== undefined) result.push(section.id)
      else this.#encodeText(section.text, section.start === 0, result)
    }
    return result
  }

  decode(ids: Iterable<number>, skipSpecialTokens: boolean): string {
    const tokens: string[] = []
    for (const id of ids) {
      const token = this.#tokens.get(id)
      if (token !== undefined && !(skipSpecialTokens && this.#special.has(token))) tokens.push(token)
    }
    return this.#decoder.decode(tokens).join('')
  }

  place(text: string, trims: boolean): PlacedId[] | undefined {
    const parts = {
      raw: this.#raw,
      normalized: this.#normalized,
      normalizers: this.#normalizers,
      preTokenize: this.#preTokenize,
      spellsBytes: spellsBytes(this.#splitter),
      model: this.#model,
      vocabulary: this.#vocabulary,
      tokens: this.#tokens,
    }
    return placedIds(parts, text, trims)
  }

  #normalize(text: string): string {
    return this.#normalizers.reduce((result, step) => step(result), text)
  }

  #encodeText(text: string, isFirst: boolean, result: number[]): void {
    const normalized = this.#normalize(text)
    // Where the normalizer takes the first character away, what is left no longer begins the text.
    const begins = isFirst && this.#normalize(String.fromCodePoint(text.codePointAt(0) as number)) !== ''
    for (const section of this.#normalized.split(normalized)) {
      if (section.id !== undefined) {
        result.push(section.id)
        continue
      }
      const piece = { text: section.text, isFirst: begins && section.start === 0 }
      for (const part of this.#preTokenize?.([piece]) ?? [piece])
        if (part.text !== '') for (const id of this.#model.encode(part.text)) result.push(id)
    }
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u

function notUnicode(text: string): EspalierError {
  return new EspalierError('config.value', {
    what: 'a text holds half of a character',
    got: {
      position: text.search(LONE_SURROGATE),
      unit: `U+${text.charCodeAt(text.search(LONE_SURROGATE)).toString(16).toUpperCase()}`,
    },
    fix: 'It was cut inside a surrogate pair: cut texts between characters, or call text.toWellFormed().',
  })
}

function parseModel(model: JsonObject, vocabulary: ReadonlyMap<string, number>): Model {
  const type = model.type ?? typeByContent(model)
  switch (type) {
    case 'BPE':
      return parseBytePairs(model, vocabulary)
    case 'WordPiece':
      return parseWordPiece(model, vocabulary)
    case 'WordLevel':
      return parseWordLevel(model, vocabulary)
    case 'Unigram':
      return parseUnigram(model, vocabulary)
    default:
      throw unknownComponent('model', type)
  }
}

/** Older files do not name the type of their model. */
function typeByContent(model: JsonObject): string {
  if (Array.isArray(model.vocab)) return 'Unigram'
  if (Array.isArray(model.merges)) return 'BPE'
  return 'continuing_subword_prefix' in model ? 'WordPiece' : 'WordLevel'
}

function spellsBytes(splitter: unknown): boolean {
  const entry = splitter as { type?: unknown; pretokenizers?: unknown } | null | undefined
  if (Array.isArray(entry?.pretokenizers)) return entry.pretokenizers.some(spellsBytes)
  return entry?.type === 'ByteLevel'
}
