/**
 * Classes of byte pair encoding. SmolLM2's is one: its file splits digits first, its class does not, and two spaces before a number come
 * out as other tokens. Training on the ids that Python trains and serves with is worth more here than the file's own word.
 * Sources: tokenization_*.py of transformers 5.18.
 */
import { CLIP, QWEN2, QWEN3_5 } from '../../engine/expression/native.js'
import type { JsonObject } from '../json-value.js'
import { specialToken } from '../special-tokens.js'
import {
  aroundAsked,
  aroundTwice,
  aroundWithTypes,
  type TokenizerClass,
  textOr,
  threeInputs,
  twoInputs,
} from './pipeline.js'

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const gptModel = (model: JsonObject) => ({ type: 'BPE', vocab: model.vocab, merges: model.merges })
const startsWithSpace = (config: JsonObject) => ({ ...byteLevel, add_prefix_space: config.add_prefix_space === true })
const gptEntries = (config: JsonObject, model: JsonObject) => ({
  normalizer: null,
  pre_tokenizer: startsWithSpace(config),
  decoder: byteLevel,
  model: gptModel(model),
})
const bytes = { model: 'BPE', space: 'Ġ', vocabulary: 'vocab.json', inputNames: twoInputs } as const
const END = '<|endoftext|>'

const gpt2: TokenizerClass = {
  ...bytes,
  build: (config, { model }) => ({ entries: gptEntries(config, model), defaults: { bos: END, eos: END, unk: END } }),
}

const gptNeoX: TokenizerClass = {
  ...bytes,
  build: (config, { model }) => ({
    entries: { ...gptEntries(config, model), normalizer: { type: 'NFC' } },
    defaults: { bos: END, eos: END, unk: END, pad: '<|padding|>' },
    around: aroundAsked,
  }),
}

const qwen = (expression: string, plainSpecials: boolean): TokenizerClass => ({
  ...bytes,
  build: (config, { model }) => ({
    plainSpecials,
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
    defaults: { eos: END, unk: END, pad: END },
  }),
})

const cohere: TokenizerClass = {
  ...bytes,
  paddingSide: 'left',
  build: (config, { model }) => ({
    entries: {
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Digits', individual_digits: true }, startsWithSpace(config)],
      },
      decoder: byteLevel,
      model: gptModel(model),
    },
    defaults: {
      bos: '<BOS_TOKEN>',
      eos: '<|END_OF_TURN_TOKEN|>',
      unk: '<UNK>',
      sep: '<SEP>',
      pad: '<PAD>',
      cls: '<CLS>',
      mask: '<MASK_TOKEN>',
    },
  }),
}

const clip: TokenizerClass = {
  ...bytes,
  space: undefined,
  build: (config, { model }) => ({
    entries: {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'NFC' },
          { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
          { type: 'Lowercase' },
        ],
      },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Split', pattern: { Regex: CLIP }, behavior: 'Removed', invert: true }, byteLevel],
      },
      decoder: byteLevel,
      model: { ...gptModel(model), end_of_word_suffix: '</w>', unk_token: textOr(config.unk_token, END) },
    },
    defaults: { bos: '<|startoftext|>', eos: END, unk: END, pad: END },
    around: ({ bos, eos }) => aroundTwice(bos, eos),
    wordEnd: '</w>',
  }),
}

const wordEntries = (options: JsonObject) => ({
  normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, ...options },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  decoder: { type: 'BPEDecoder', suffix: '</w>' },
})

const openAiGpt: TokenizerClass = {
  ...bytes,
  space: undefined,
  build: (config, { model }) => ({
    entries: {
      ...wordEntries({ strip_accents: null, lowercase: true }),
      model: { ...gptModel(model), end_of_word_suffix: '</w>', unk_token: textOr(config.unk_token, '<unk>') },
    },
    defaults: { unk: '<unk>' },
  }),
}

const herbert: TokenizerClass = {
  ...bytes,
  space: undefined,
  build: (config, { model }) => ({
    entries: {
      ...wordEntries({ strip_accents: false, lowercase: false }),
      model: { ...gptModel(model), end_of_word_suffix: '</w>', unk_token: textOr(config.unk_token, '<unk>') },
    },
    defaults: { unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
    around: () => aroundWithTypes({ cls: 0, sep: 2 }), // whatever ids the tokens have
  }),
}

const roberta: TokenizerClass = {
  ...bytes,
  build: (config, { model }) => ({
    entries: gptEntries(config, model),
    defaults: { bos: '<s>', eos: '</s>', unk: '<unk>', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
    around: ({ cls, sep }) => aroundTwice(cls, sep),
  }),
}

const deberta: TokenizerClass = {
  ...bytes,
  inputNames: threeInputs,
  build: (config, { model }) => ({
    entries: gptEntries(config, model),
    defaults: {
      bos: '[CLS]',
      eos: '[SEP]',
      unk: '[UNK]',
      sep: '[SEP]',
      pad: '[PAD]',
      cls: '[CLS]',
      mask: '[MASK]',
    },
    around: ({ cls, sep }) => aroundTwice(cls, sep),
  }),
}

const SPACE = '▁'
const spacesAgain = [
  { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
]
const withoutFirstSpace = [...spacesAgain, { type: 'Strip', content: ' ', start: 1, stop: 0 }]
const pieces = { model: 'BPE', space: SPACE, paddingSide: 'left', inputNames: twoInputs } as const

const llama: TokenizerClass = {
  ...pieces,
  build: (config, { model }) => {
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
        decoder: { type: 'Sequence', decoders: addsSpace ? withoutFirstSpace : spacesAgain },
        model: { ...gptModel(model), fuse_unk: true, byte_fallback: true },
      },
      defaults: { bos: '<s>', eos: '</s>', unk: '<unk>' },
    }
  },
}

const INFILL = { prefix: '▁<PRE>', middle: '▁<MID>', suffix: '▁<SUF>', eot: '▁<EOT>', fill: '<FILL_ME>' } as const

const codeLlama: TokenizerClass = {
  ...pieces,
  build: (config, { model }) => {
    const names = Object.entries(INFILL).filter(([name]) => config[`${name}_token`] !== null)
    const scheme = (config.add_prefix_space ?? true) === true ? 'first' : 'never'
    return {
      entries: {
        normalizer: null,
        pre_tokenizer: { type: 'Metaspace', replacement: SPACE, prepend_scheme: scheme, split: false },
        decoder: { type: 'Sequence', decoders: withoutFirstSpace },
        model: {
          ...gptModel(model),
          unk_token: textOr(config.unk_token, '<unk>'),
          fuse_unk: true,
          byte_fallback: true,
        },
      },
      defaults: { bos: '<s>', eos: '</s>', unk: '<unk>' },
      extra: (given = []) => [...given, ...names.map(([, token]) => specialToken(token))],
      around: (ids, { bos = true, eos }) => aroundAsked(ids, { bos, eos }),
      infills: config.fill_token === null ? undefined : INFILL.fill,
    }
  },
}

const gemma: TokenizerClass = {
  ...pieces,
  build: (config, { model }) => ({
    entries: {
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
      decoder: { type: 'Sequence', decoders: spacesAgain },
      model: { ...gptModel(model), unk_token: textOr(config.unk_token, '<unk>'), fuse_unk: true, byte_fallback: true },
    },
    defaults: { bos: '<bos>', eos: '<eos>', unk: '<unk>', pad: '<pad>', mask: '<mask>' },
  }),
}

/** Classes of byte pair encoding by their names in transformers. */
export const bytePairClasses: Readonly<Record<string, TokenizerClass>> = {
  GPT2Tokenizer: gpt2,
  CodeGenTokenizer: gpt2,
  GPTNeoXTokenizer: gptNeoX,
  Qwen2Tokenizer: qwen(QWEN2, true),
  Qwen3_5Tokenizer: { ...qwen(QWEN3_5, false), vocabulary: undefined },
  CohereTokenizer: cohere,
  CLIPTokenizer: clip,
  OpenAIGPTTokenizer: openAiGpt,
  HerbertTokenizer: herbert,
  RobertaTokenizer: roberta,
  BartTokenizer: roberta,
  LEDTokenizer: roberta,
  LongformerTokenizer: roberta,
  MvpTokenizer: roberta,
  DebertaTokenizer: deberta,
  LlamaTokenizer: llama,
  CodeLlamaTokenizer: codeLlama,
  Phi3Tokenizer: llama,
  GemmaTokenizer: gemma,
}
