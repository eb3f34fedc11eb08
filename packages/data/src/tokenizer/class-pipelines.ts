/**
 * Tokenizer classes whose pipeline transformers 5 builds itself, whatever tokenizer.json says: it takes only vocabulary, merges and, for
 * most, the post-processor from the file. SmolLM2 is one: its file splits digits first, its class does not, and two spaces before a number
 * come out as other tokens. Training on the ids that Python trains and serves with is worth more here than the file's own word.
 * Sources: tokenization_*.py of transformers 5.18.
 */
import { QWEN2, QWEN3_5 } from '../engine/expression/native.js'
import { isObject, type JsonObject } from './json-value.js'
import { type PostProcessor, sequence, special, type TemplateStep } from './post-process.js'
import type { SpecialTokenName } from './special-tokens.js'

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
  /** What is put around texts, where the class decides that too. */
  readonly around?: (ids: NamedIds) => PostProcessor
}

/** The pipeline of the class that tokenizer_config.json names; undefined where the file decides. */
export function classPipeline(config: JsonObject, model: unknown): ClassPipeline | undefined {
  const name = typeof config.tokenizer_class === 'string' ? config.tokenizer_class.replace(/Fast$/, '') : ''
  const build = Object.hasOwn(classes, name) ? classes[name] : undefined
  if (build === undefined || !isObject(model)) return undefined
  // A class is built for one kind of model; with another one in the file transformers would fail, so the file is used.
  if (model.type !== (build === bert ? 'WordPiece' : 'BPE')) return undefined
  // Nor does a class that writes spaces as ▁ read a file that writes them as Ġ: all spaces would be lost.
  if ((build === llama || build === gemma) && spellsBytes(model)) return undefined
  return build(config, model)
}

type Build = (config: JsonObject, model: JsonObject) => ClassPipeline

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const gptModel = (model: JsonObject) => ({ type: 'BPE', vocab: model.vocab, merges: model.merges })
const startsWithSpace = (config: JsonObject) => ({ ...byteLevel, add_prefix_space: config.add_prefix_space === true })

const gpt2: Build = (config, model) => ({
  entries: { normalizer: null, pre_tokenizer: startsWithSpace(config), decoder: byteLevel, model: gptModel(model) },
  defaults: { bos: '<|endoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>' },
})

const gptNeoX: Build = (config, model) => ({
  entries: { ...gpt2(config, model).entries, normalizer: { type: 'NFC' } },
  defaults: { bos: '<|endoftext|>', eos: '<|endoftext|>', unk: '<|endoftext|>', pad: '<|padding|>' },
  around: () => both([sequence('A', 0)], [sequence('B', 1)]),
})

const qwen =
  (expression: string): Build =>
  (config, model) => ({
    entries: {
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
          { ...startsWithSpace(config), use_regex: false },
        ],
      },
      decoder: byteLevel,
      model: gptModel(model),
    },
    defaults: { eos: '<|endoftext|>', unk: '<|endoftext|>', pad: '<|endoftext|>' },
  })

const roberta: Build = (config, model) => ({
  entries: gpt2(config, model).entries,
  defaults: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
  around: ({ cls, sep }) => {
    const first = [...step(cls, 0), sequence('A', 0), ...step(sep, 0)]
    return both(first, [...step(sep, 0), sequence('B', 0), ...step(sep, 0)])
  },
})

const bertDefaults = { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' } as const

const deberta: Build = (config, model) => ({
  entries: gpt2(config, model).entries,
  defaults: { bos: '[CLS]', eos: '[SEP]', ...bertDefaults },
  around: ({ cls, sep }) => {
    const first = [...step(cls, 0), sequence('A', 0), ...step(sep, 0)]
    return both(first, [...step(sep, 0), sequence('B', 0), ...step(sep, 0)])
  },
})

const bert: Build = (config, model) => ({
  entries: {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', vocab: model.vocab, unk_token: textOr(config.unk_token, '[UNK]') },
  },
  defaults: bertDefaults,
  around: ({ cls, sep }) => {
    const first = [...step(cls, 0), sequence('A', 0), ...step(sep, 0)]
    return both(first, [sequence('B', 1), ...step(sep, 1)])
  },
})

const SPACE = '▁'
const spacesAgain = [
  { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
]

const llama: Build = (config, model) => {
  const addsSpace = (config.add_prefix_space ?? true) === true
  const scheme = config.legacy === true ? 'always' : 'first'
  return {
    entries: {
      normalizer: null,
      pre_tokenizer: {
        type: 'Metaspace',
        replacement: SPACE,
        prepend_scheme: addsSpace ? scheme : 'never',
        split: false,
      },
      decoder: {
        type: 'Sequence',
        decoders: [...spacesAgain, ...(addsSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])],
      },
      model: { ...gptModel(model), fuse_unk: true, byte_fallback: true },
    },
    defaults: { bos: '<s>', eos: '</s>', unk: '<unk>' },
  }
}

const gemma: Build = (config, model) => ({
  entries: {
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    decoder: { type: 'Sequence', decoders: spacesAgain },
    model: { ...gptModel(model), unk_token: textOr(config.unk_token, '<unk>'), fuse_unk: true, byte_fallback: true },
  },
  defaults: { bos: '<bos>', eos: '<eos>', unk: '<unk>', pad: '<pad>', mask: '<mask>' },
})

const classes: Readonly<Record<string, Build>> = {
  GPT2Tokenizer: gpt2,
  GPTNeoXTokenizer: gptNeoX,
  Qwen2Tokenizer: qwen(QWEN2),
  Qwen3_5Tokenizer: qwen(QWEN3_5),
  RobertaTokenizer: roberta,
  BartTokenizer: roberta,
  LEDTokenizer: roberta,
  MvpTokenizer: roberta,
  DebertaTokenizer: deberta,
  BertTokenizer: bert,
  ConvBertTokenizer: bert,
  DistilBertTokenizer: bert,
  LxmertTokenizer: bert,
  MobileBertTokenizer: bert,
  SqueezeBertTokenizer: bert,
  LlamaTokenizer: llama,
  GemmaTokenizer: gemma,
}

function step(id: number | undefined, typeId: number): TemplateStep[] {
  return id === undefined ? [] : [special(id, typeId)]
}

function both(first: readonly TemplateStep[], second: readonly TemplateStep[]): PostProcessor {
  return { single: first, pair: [...first, ...second] }
}

function textOr(value: unknown, otherwise: string): string {
  if (typeof value === 'string') return value
  return isObject(value) && typeof value.content === 'string' ? value.content : otherwise
}

/** Whether a vocabulary writes a space as Ġ, in GPT-2's alphabet, and not as ▁. */
function spellsBytes({ vocab }: JsonObject): boolean {
  const starts = new Set(isObject(vocab) ? Object.keys(vocab).map((token) => token.slice(0, 1)) : [])
  return starts.has('Ġ') && !starts.has(SPACE)
}
