/** What a tokenizer class of transformers builds from a vocabulary, and the parts that their templates are made of. */
import { isObject, type JsonObject } from '../json-value.js'
import { type PostProcessor, sequence, special, type TemplateStep } from '../post-process.js'
import { type NewToken, type SpecialTokenName, type TokenFlags, tokenContent } from '../special-tokens.js'

/** Ids of named tokens. */
export type NamedIds = Readonly<Partial<Record<SpecialTokenName, number>>>

/** What a class builds, in the place of the file's entries. */
export interface ClassPipeline {
  readonly entries: {
    readonly normalizer: unknown
    readonly pre_tokenizer: unknown
    readonly decoder: unknown
    readonly model: unknown
  }
  /** Named tokens where the files name none. */
  readonly defaults: Readonly<Partial<Record<SpecialTokenName, string>>>
  /** Flags of named tokens that the files give as texts. */
  readonly flags?: Readonly<Partial<Record<SpecialTokenName, Partial<TokenFlags>>>>
  /** Special tokens without a name, unless tokenizer_config.json lists them; given: those that another file lists. */
  readonly extra?: (given: readonly NewToken[] | undefined) => readonly NewToken[]
  /** Whether special tokens lose the flags that the files give them. */
  readonly plainSpecials?: boolean
  /** What is put around texts, where the class decides that too. */
  readonly around?: (ids: NamedIds, asked: AskedTokens) => PostProcessor
  /** Whether offsets leave out the space of a byte-level token, for a class that decides what is put around texts. Default false. */
  readonly trims?: boolean
  /** What asks for infilling in a text, which is not here. */
  readonly infills?: string | undefined
  /** What ends the words of a decoded text: shown as spaces, of which none is left at the text's ends. */
  readonly wordEnd?: string
}

/** Which tokens tokenizer_config.json asks for around texts, where it says so; it is not asked beside a tokenizer.json. */
export interface AskedTokens {
  readonly bos?: boolean | undefined
  readonly eos?: boolean | undefined
}

/** What a class is built from. */
export interface ClassSource {
  /** `model` of tokenizer.json. */
  readonly model: JsonObject
  /** SentencePiece's map of characters, in base64, where there is one. */
  readonly charsmap: string | undefined
}

/** A tokenizer class of transformers 5 that builds its pipeline itself. */
export interface TokenizerClass {
  /** The kind of model it is built for. */
  readonly model: 'BPE' | 'Unigram' | 'WordPiece'
  /** How its vocabulary writes the space before a word, where it writes it at all. */
  readonly space?: 'Ġ' | '▁'
  /** The file of its vocabulary where there is no tokenizer.json; tokenizer.model goes before it. */
  readonly vocabulary?: string
  /** Whether its conversion from SentencePiece needs a map of characters. */
  readonly needsCharsmap?: boolean
  /** What the class makes of SentencePiece's pieces. */
  readonly pieces?: (pieces: readonly ScoredPiece[], config: JsonObject) => ScoredPiece[]
  /** Where padding goes unless the files say so. Default right. */
  readonly paddingSide?: 'left'
  /** Inputs of the model unless the files name them. */
  readonly inputNames: readonly string[]
  readonly build: (config: JsonObject, source: ClassSource) => ClassPipeline
}

/** A piece of a Unigram vocabulary with its score. */
export type ScoredPiece = readonly [piece: string, score: number]

/** Inputs of models that take no token types. */
export const twoInputs = ['input_ids', 'attention_mask'] as const
/** Inputs of models that take token types. */
export const threeInputs = ['input_ids', 'token_type_ids', 'attention_mask'] as const

/** The step of a special token; none where the token is not named. */
export function step(id: number | undefined, typeId: number): TemplateStep[] {
  return id === undefined ? [] : [special(id, typeId)]
}

/** A template of one sequence; that of two goes on with `second`. */
export function both(first: readonly TemplateStep[], second: readonly TemplateStep[]): PostProcessor {
  return { single: first, pair: [...first, ...second] }
}

/** A beginning and an end, where they are asked for. */
export function aroundAsked({ bos, eos }: NamedIds, asked: AskedTokens): PostProcessor {
  const [begin, end] = [asked.bos ? bos : undefined, asked.eos ? eos : undefined]
  const first = [...step(begin, 0), sequence('A', 0), ...step(end, 0)]
  return both(first, [...step(begin, 1), sequence('B', 1), ...step(end, 1)])
}

/** `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, the second sequence of type 1. */
export function aroundWithTypes({ cls, sep }: NamedIds): PostProcessor {
  const first = [...step(cls, 0), sequence('A', 0), ...step(sep, 0)]
  return both(first, [sequence('B', 1), ...step(sep, 1)])
}

/** `<s> A </s>` and `<s> A </s> </s> B </s>`, everything of type 0. */
export function aroundTwice(begin: number | undefined, end: number | undefined): PostProcessor {
  const first = [...step(begin, 0), sequence('A', 0), ...step(end, 0)]
  return both(first, [...step(end, 0), sequence('B', 0), ...step(end, 0)])
}

/** The text of a token that a configuration gives, or another one. */
export function textOr(value: unknown, otherwise: string): string {
  return tokenContent(value) ?? otherwise
}

/** A flag of a configuration. */
export function flagOr(value: unknown, otherwise: boolean): boolean {
  return typeof value === 'boolean' ? value : otherwise
}

/**
 * Why a class is not built from a file that is there, as a sentence; undefined where it is. model: that of tokenizer.json. A class never
 * goes before a file in a way that loses text, as it does in transformers.
 */
export function whyFileWins(name: string, builder: TokenizerClass, model: JsonObject): string | undefined {
  const kind = modelKind(model)
  if (kind !== builder.model)
    return `tokenizer_class "${name}" is made for ${builder.model}, and tokenizer.json holds ${kind}: the file is used as it is, where transformers fails.`
  if (!spellsOtherwise(builder, model)) return undefined
  const [own, written] = builder.space === 'Ġ' ? ['Ġ', '▁'] : ['▁', 'Ġ']
  return `tokenizer_class "${name}" writes spaces as ${own}, and tokenizer.json writes them as ${written}: the file is used as it is. transformers 5 builds the class from a local folder and loses every space; set tokenizer_class to "PreTrainedTokenizerFast" for it.`
}

/** The kind of a model, which older files do not name. */
export function modelKind({ type, vocab, merges, continuing_subword_prefix: prefix }: JsonObject): string {
  if (typeof type === 'string') return type
  if (Array.isArray(vocab)) return 'Unigram'
  if (Array.isArray(merges)) return 'BPE'
  return prefix === undefined ? 'WordLevel' : 'WordPiece'
}

function spellsOtherwise({ space }: TokenizerClass, { vocab }: JsonObject): boolean {
  if (space === undefined || !isObject(vocab)) return false
  const starts = new Set(Object.keys(vocab).map((token) => token.slice(0, 1)))
  return !starts.has(space) && starts.has(space === 'Ġ' ? '▁' : 'Ġ')
}
