/**
 * Text to token ids and back, as transformers does it: the engine splits and merges, this class adds pairs, batches, truncation, padding,
 * chats and streaming. Downloading files is left to the caller.
 */
import { EspalierError, requireAwaited } from '@espalier/core'
import type { Range } from '../engine/aligned-text.js'
import { type Engine, makeEngine } from '../engine/engine.js'
import { strip } from '../template/values/characters.js'
import { assistantMask } from './assistant-mask.js'
import { ChatTemplate, type ChatTemplateOptions, type Message } from './chat-template.js'
import { cleanUp, heldByCleanUp } from './clean-up.js'
import { Detokenizer } from './detokenizer.js'
import { type Encoding, type PaddingStrategy, padEncodings } from './padding.js'
import { addedTokenCount, assemble } from './post-process.js'
import { type SpecialTokenName, specialTokenNames } from './special-tokens.js'
import {
  parseTokenizerFiles,
  type ReadTokenizerFile,
  readTokenizerFiles,
  type TokenizerFiles,
} from './tokenizer-files.js'
import { pairLength, type TruncationStrategy, truncatePair } from './truncation.js'
import { type PlacedEncoding, type WindowOptions, windowsOf } from './windows.js'

/** How a text is encoded. Names and meaning are those of a transformers tokenizer call. */
export interface EncodeOptions {
  /** Adds what the tokenizer's template says, such as a beginning-of-sequence token. Default true. */
  readonly addSpecialTokens?: boolean
  /** Cuts to maxLength; `true` means "longest_first". Default false. */
  readonly truncation?: boolean | TruncationStrategy
  /** Most ids of one encoding, special tokens included. Default: the tokenizer's modelMaxLength. */
  readonly maxLength?: number
  readonly padding?: PaddingStrategy
  readonly padToMultipleOf?: number
  readonly paddingSide?: 'left' | 'right'
}

/** One text, or two that belong together. */
export type TextInput = string | readonly [first: string, second: string]

/** Encodings of several texts, one row each. */
export interface BatchEncoding {
  readonly inputIds: number[][]
  readonly attentionMask: number[][]
  readonly tokenTypeIds: number[][]
  readonly specialTokensMask: number[][]
}

/** How ids are decoded. */
export interface DecodeOptions {
  /** Leaves special tokens out. Default false. */
  readonly skipSpecialTokens?: boolean
  /** Removes spaces before punctuation. Default: what tokenizer_config.json says, else false. Never done for BPE, as in transformers. */
  readonly cleanUpTokenizationSpaces?: boolean
}

/** A tokenizer, made from the files of a Hugging Face model. Immutable. */
export class Tokenizer {
  readonly #files: TokenizerFiles
  readonly #engine: Engine
  readonly #ids: Partial<Record<SpecialTokenName, number>> = {}
  readonly #templates = new Map<string, ChatTemplate>()
  /** Number of tokens, added ones included (Python's `len(tokenizer)`). */
  readonly vocabSize: number
  /** The largest id there is; larger than vocabSize - 1 when ids have gaps. */
  readonly largestId: number

  private constructor(files: TokenizerFiles) {
    this.#files = files
    this.#engine = makeEngine(files.engineConfig, files.vocabulary)
    for (const name of specialTokenNames) {
      const content = files.named[name]
      const id = content === undefined ? undefined : this.#engine.tokenToId(content)
      if (id !== undefined) this.#ids[name] = id
    }
    this.vocabSize = this.#engine.size
    this.largestId = this.#engine.largestId
  }

  /**
   * The tokenizer that the files describe, as AutoTokenizer of transformers reads them: tokenizer.json or a vocabulary's own files, and
   * config.json for the class. read: gives a file by name, undefined when there is none. Throws tokenizer.file, config.unsupported.
   */
  static async fromFiles(read: ReadTokenizerFile): Promise<Tokenizer> {
    return new Tokenizer(parseTokenizerFiles(await readTokenizerFiles(read)))
  }

  /** The tokenizer that these files describe, by name. Throws tokenizer.file, config.unsupported. */
  static fromTexts(files: ReadonlyMap<string, string | Uint8Array>): Tokenizer {
    return new Tokenizer(parseTokenizerFiles(files))
  }

  /**
   * The files that make this tokenizer again, by name: those it was made from, unchanged. A vocabulary that was converted is a
   * tokenizer.json, and a class that config.json told is named in tokenizer_config.json.
   */
  toFiles(): Map<string, string> {
    return this.#files.texts()
  }

  get bosToken(): string | undefined {
    return this.#files.named.bos
  }
  get bosTokenId(): number | undefined {
    return this.#ids.bos
  }
  get eosToken(): string | undefined {
    return this.#files.named.eos
  }
  get eosTokenId(): number | undefined {
    return this.#ids.eos
  }
  get padToken(): string | undefined {
    return this.#files.named.pad
  }
  get padTokenId(): number | undefined {
    return this.#ids.pad
  }
  get unkToken(): string | undefined {
    return this.#files.named.unk
  }
  get unkTokenId(): number | undefined {
    return this.#ids.unk
  }
  get sepTokenId(): number | undefined {
    return this.#ids.sep
  }
  get clsTokenId(): number | undefined {
    return this.#ids.cls
  }
  get maskTokenId(): number | undefined {
    return this.#ids.mask
  }
  /** Ids of special tokens: skipped by `skipSpecialTokens`. */
  get specialTokenIds(): ReadonlySet<number> {
    return this.#files.specialIds
  }
  /** Longest input of the model; Infinity when the files name none. */
  get modelMaxLength(): number {
    return this.#files.modelMaxLength
  }
  get paddingSide(): 'left' | 'right' {
    return this.#files.paddingSide
  }
  /** Inputs that the model wants, such as token_type_ids; empty when the files do not say. */
  get modelInputNames(): readonly string[] {
    return this.#files.inputNames
  }
  /** What is worth knowing of how the files were read, a sentence each: where a file goes before the class that is named. */
  get notes(): readonly string[] {
    return this.#files.notes
  }
  /**
   * Whether the model is given token types with texts, as transformers' tokenizers do by `model_input_names`. Where neither the files nor
   * a class name these, WordPiece tells: BERT's tokenizers give types, GPT-2's and Llama's do not.
   */
  get givesTokenTypes(): boolean {
    const { inputNames, modelType } = this.#files
    return inputNames.length > 0 ? inputNames.includes('token_type_ids') : modelType === 'WordPiece'
  }
  /** Names of the chat templates; "default" is the one used unless another is named. */
  get chatTemplateNames(): readonly string[] {
    return Object.keys(this.#files.chatTemplates)
  }

  /** Id of a token, undefined when it is not in the vocabulary. */
  tokenToId(token: string): number | undefined {
    return this.#engine.tokenToId(token)
  }

  /** Token of an id, undefined when there is none. */
  idToToken(id: number): string | undefined {
    return this.#engine.idToToken(id)
  }

  /** One text, or a pair, as ids with mask and token types. */
  encode(text: TextInput, options: EncodeOptions = {}): Encoding {
    return this.#pad([this.#encodeOne(text, options)], options)[0] as Encoding
  }

  /** Several texts or pairs. With padding, all rows have one length. */
  encodeBatch(texts: readonly TextInput[], options: EncodeOptions = {}): BatchEncoding {
    requireList('texts', texts, 'Give a list of texts; one alone goes to encode')
    const rows = this.#pad(
      texts.map((text) => this.#encodeOne(text, options)),
      options,
    )
    return {
      inputIds: rows.map((row) => row.inputIds),
      attentionMask: rows.map((row) => row.attentionMask),
      tokenTypeIds: rows.map((row) => row.tokenTypeIds),
      specialTokensMask: rows.map((row) => row.specialTokensMask),
    }
  }

  /**
   * A text, or a pair of which one is cut, as windows of ids with their places: what transformers gives with
   * `return_overflowing_tokens` and `return_offsets_mapping`. Throws config.value where there is no room for a window beyond the stride,
   * config.unsupported where a tokenizer's rules lose characters.
   */
  encodeWindows(text: TextInput, options: WindowOptions = {}): PlacedEncoding[] {
    const [first, second] = this.#textsOf(text)
    const { postProcessor, truncationSide: side, modelMaxLength } = this.#files
    const { maxLength = modelMaxLength, stride = 0, truncation = 'only_second' } = options
    const request = { maxLength, stride, truncation, postProcessor, side }
    return windowsOf(this.#placed(first), second === undefined ? undefined : this.#placed(second), request)
  }

  /** The text of ids. Ids without a token are left out. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false } = options
    requireList('ids', ids, 'Give a list of ids: decode([id])')
    const text = this.#spaced(this.#engine.decode(ids, skipSpecialTokens))
    return this.#cleansUp(options) ? cleanUp(text) : text
  }

  /** The texts of several rows of ids. */
  decodeBatch(rows: Iterable<Iterable<number>>, options: DecodeOptions = {}): string[] {
    requireList('rows', rows, 'Give a list of rows of ids; one alone goes to decode')
    return Array.from(rows, (ids) => this.decode(ids, options))
  }

  /** Decodes ids as they are generated; what it gives out is final. */
  detokenizer(options: DecodeOptions = {}): Detokenizer {
    const isSkipped = (id: number) => options.skipSpecialTokens === true && this.#engine.isSpecial(id)
    const heldLength = this.#cleansUp(options) ? heldByCleanUp : () => 0
    const holding = this.#files.wordEnd === undefined ? this.#engine.holding : 'everything'
    const isOpen = (id: number) => holding === 'everything' || (holding === 'byte runs' && this.#engine.isByte(id))
    return new Detokenizer({ decode: (ids) => this.decode(ids, options), heldLength, isOpen }, isSkipped)
  }

  /** The conversation as text, by the tokenizer's chat template. Throws tokenizer.template. */
  applyChatTemplate(messages: readonly Message[], options?: ChatTemplateOptions & { readonly tokenize?: false }): string
  /** The conversation as ids; the template brings its own special tokens. */
  applyChatTemplate(messages: readonly Message[], options: ChatTemplateOptions & { readonly tokenize: true }): number[]
  /**
   * The conversation as ids, with 1 in `assistantMasks` for each id between the template's `{% generation %}` and its end; all 0 where it
   * has none. Throws config.unsupported where a tokenizer's rules lose characters.
   */
  applyChatTemplate(
    messages: readonly Message[],
    options: ChatTemplateOptions & { readonly tokenize: true; readonly returnAssistantTokensMask: true },
  ): { readonly inputIds: number[]; readonly assistantMasks: number[] }
  applyChatTemplate(
    messages: readonly Message[],
    options: ChatTemplateOptions & { readonly tokenize?: boolean; readonly returnAssistantTokensMask?: boolean } = {},
  ): string | number[] | { readonly inputIds: number[]; readonly assistantMasks: number[] } {
    requireList('messages', messages, "Give a list of messages: [{ role: 'user', content: 'hello' }]")
    checkMaskOptions(options)
    const { text, generated } = this.#template(options).render(messages, options, this.#tokenVariables())
    if (options.returnAssistantTokensMask === true) {
      const { ids, offsets } = this.#placed(text)
      return { inputIds: [...ids], assistantMasks: assistantMask(offsets, generated) }
    }
    return options.tokenize === true ? this.encode(text, { addSpecialTokens: false }).inputIds : text
  }

  #encodeOne(text: TextInput, options: EncodeOptions): Encoding {
    const { addSpecialTokens = true, truncation = false } = options
    const [first, second] = this.#textsOf(text)
    let pair = { a: this.#engine.encode(first), b: second === undefined ? undefined : this.#engine.encode(second) } as {
      a: readonly number[]
      b: readonly number[] | undefined
    }
    const whole = pairLength(pair)
    const maxLength = options.maxLength ?? this.#files.modelMaxLength
    if (truncation !== false && Number.isFinite(maxLength)) {
      const added = addSpecialTokens ? addedTokenCount(this.#files.postProcessor, second !== undefined) : 0
      if (!(Number.isInteger(maxLength) && maxLength >= added)) throw tooShort(maxLength, added)
      const strategy = truncation === true ? 'longest_first' : truncation
      pair = truncatePair(pair, maxLength - added, strategy, this.#files.truncationSide)
    }
    const { ids, typeIds, specialMask } = assemble(this.#files.postProcessor, pair.a, pair.b, addSpecialTokens)
    return {
      inputIds: ids,
      attentionMask: new Array<number>(ids.length).fill(1),
      tokenTypeIds: typeIds,
      specialTokensMask: specialMask,
      numTruncatedTokens: whole - pairLength(pair),
    }
  }

  #textsOf(text: TextInput): readonly [string, string | undefined] {
    const [first, second] = textsOf(text)
    const { infills } = this.#files
    if (infills === undefined || second !== undefined || !first.includes(infills)) return [first, second]
    throw new EspalierError('config.unsupported', {
      what: 'a text asks for infilling, which transformers writes in another order and which is not here',
      got: { token: infills },
      fix: 'Leave it out, or set fill_token to null in tokenizer_config.json.',
    })
  }

  #placed(text: string): { readonly ids: readonly number[]; readonly offsets: readonly Range[] } {
    const ids = this.#engine.encode(text)
    const placed = this.#engine.place(text, this.#files.trimsOffsets)
    if (placed?.length === ids.length && placed.every(({ id }, index) => id === ids[index]))
      return { ids, offsets: placed.map(({ range }) => range) }
    throw new EspalierError('config.unsupported', {
      what: 'the characters of a text cannot be followed through the rules of the tokenizer',
      got: { text: text.slice(0, LONGEST_SHOWN), ids: ids.length, followed: placed?.length ?? 0 },
      fix: 'Leave the text out, or use another tokenizer',
    })
  }

  #pad(encodings: readonly Encoding[], options: EncodeOptions): Encoding[] {
    return padEncodings(encodings, {
      strategy: options.padding ?? false,
      maxLength: options.maxLength ?? this.#files.modelMaxLength,
      multipleOf: options.padToMultipleOf,
      side: options.paddingSide ?? this.#files.paddingSide,
      padId: this.#ids.pad,
      padTypeId: this.#files.padTypeId,
    })
  }

  #spaced(text: string): string {
    const { wordEnd } = this.#files
    return wordEnd === undefined ? text : strip(text.replaceAll(wordEnd, ' '), null)
  }

  #cleansUp(options: DecodeOptions): boolean {
    return (options.cleanUpTokenizationSpaces ?? this.#files.cleanUpSpaces) && this.#files.modelType !== 'BPE'
  }

  #template(options: ChatTemplateOptions): ChatTemplate {
    const { chatTemplates } = this.#files
    const named = options.chatTemplate
    const fallback = options.tools !== undefined && 'tool_use' in chatTemplates ? 'tool_use' : 'default'
    const source = named === undefined ? chatTemplates[fallback] : (chatTemplates[named] ?? named)
    if (source === undefined) {
      throw new EspalierError('tokenizer.template', {
        what: 'the tokenizer has no chat template',
        got: { templates: Object.keys(chatTemplates) },
        fix: 'Pass chatTemplate, or give the model a plain prompt.',
      })
    }
    const template = this.#templates.get(source) ?? new ChatTemplate(source)
    this.#templates.set(source, template)
    return template
  }

  #tokenVariables(): Record<string, string> {
    const variables: Record<string, string> = {}
    for (const name of specialTokenNames) {
      const content = this.#files.named[name]
      if (content !== undefined) variables[`${name}_token`] = content
    }
    return variables
  }
}

const LONGEST_SHOWN = 200 // characters of a text in a message

function checkMaskOptions(options: {
  readonly tokenize?: boolean
  readonly continueFinalMessage?: boolean
  readonly returnAssistantTokensMask?: boolean
}): void {
  const { tokenize = false, continueFinalMessage = false, returnAssistantTokensMask = false } = options
  if (!returnAssistantTokensMask || (tokenize && !continueFinalMessage)) return
  throw new EspalierError('config.value', {
    what: 'a mask of the assistant’s ids needs ids, and messages that are whole',
    got: { returnAssistantTokensMask, tokenize, continueFinalMessage },
    fix: 'Set tokenize to true, and leave continueFinalMessage out.',
  })
}

function tooShort(maxLength: number, added: number): EspalierError {
  return new EspalierError('config.value', {
    what: 'maxLength leaves no room for the special tokens',
    got: { maxLength, specialTokens: added },
    fix: 'Raise maxLength or set addSpecialTokens to false.',
  })
}

function requireList(name: string, given: unknown, fix: string): void {
  requireAwaited(name, given)
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) return
  throw new EspalierError('config.value', { what: `${name} is no list`, got: { [name]: typeof given }, fix })
}

function textsOf(given: unknown): readonly [string, string | undefined] {
  requireAwaited('text', given)
  const [first, second] = Array.isArray(given) ? (given as readonly unknown[]) : [given]
  if (typeof first === 'string' && (second === undefined || typeof second === 'string')) return [first, second]
  throw new EspalierError('config.value', {
    what: 'only texts and pairs of texts are tokenized',
    got: { text: Array.isArray(given) ? given.map((part) => typeof part) : typeof given },
    fix: 'Give a string, or [first, second]; several at once go to encodeBatch',
  })
}
