/** Classes of WordPiece: BERT and its relatives. Sources: tokenization_*.py of transformers 5.18. */
import type { JsonObject } from '../json-value.js'
import { aroundTwice, aroundWithTypes, type TokenizerClass, textOr, threeInputs, twoInputs } from './pipeline.js'

const bertEntries = (config: JsonObject, model: JsonObject) => ({
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: config.tokenize_chinese_chars ?? true,
    strip_accents: config.strip_accents ?? null,
    lowercase: config.do_lower_case ?? true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: textOr(config.unk_token, '[UNK]'),
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: model.vocab,
  },
})

const bert: TokenizerClass = {
  model: 'WordPiece',
  vocabulary: 'vocab.txt',
  inputNames: threeInputs,
  build: (config, { model }) => ({
    entries: bertEntries(config, model),
    defaults: { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' },
    around: aroundWithTypes,
  }),
}

const mpnet: TokenizerClass = {
  ...bert,
  inputNames: twoInputs,
  build: (config, { model }) => ({
    entries: bertEntries(config, model),
    defaults: { bos: '<s>', eos: '</s>', unk: '[UNK]', sep: '</s>', pad: '<pad>', cls: '<s>', mask: '<mask>' },
    flags: { mask: { lstrip: true } },
    around: ({ cls, sep }) => aroundTwice(cls, sep),
  }),
}

/** Classes of WordPiece by their names in transformers. */
export const wordPieceClasses: Readonly<Record<string, TokenizerClass>> = {
  BertTokenizer: bert,
  ConvBertTokenizer: bert,
  DistilBertTokenizer: { ...bert, inputNames: twoInputs },
  ElectraTokenizer: bert,
  LayoutLMTokenizer: bert,
  LxmertTokenizer: bert,
  MobileBertTokenizer: bert,
  SqueezeBertTokenizer: bert,
  MPNetTokenizer: mpnet,
}
