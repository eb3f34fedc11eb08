/** Classes of SentencePiece's Unigram. Sources: tokenization_*.py and convert_slow_tokenizer.py of transformers 5.18. */
import { fileError, type JsonObject } from '../json-value.js'
import { type PostProcessor, sequence } from '../post-process.js'
import { specialToken } from '../special-tokens.js'
import {
  aroundTwice,
  aroundWithTypes,
  both,
  type ClassPipeline,
  flagOr,
  type ScoredPiece,
  step,
  type TokenizerClass,
  textOr,
  threeInputs,
  twoInputs,
} from './pipeline.js'

const unigram = { model: 'Unigram', inputNames: twoInputs } as const
const metaspace = (scheme: string) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split: true })
const replace = (from: string, content: string) => ({ type: 'Replace', pattern: { String: from }, content })
const replaceEach = (expression: string, content: string) => ({
  type: 'Replace',
  pattern: { Regex: expression },
  content,
})
const precompiled = (charsmap: string | undefined) =>
  charsmap === undefined ? [] : [{ type: 'Precompiled', precompiled_charsmap: charsmap }]
const modelOf = (model: JsonObject, unknown: number) => ({ type: 'Unigram', vocab: model.vocab, unk_id: unknown })
const schemeOf = (config: JsonObject) => (flagOr(config.add_prefix_space, true) ? 'always' : 'never')

/** Words apart, each with a space before it: how most classes split. */
const inWords = (scheme: string) => ({
  pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace(scheme)] },
  decoder: metaspace(scheme),
})

const EXTRA_IDS = 100

const t5: TokenizerClass = {
  ...unigram,
  vocabulary: 'spiece.model',
  needsCharsmap: true,
  pieces: (own, config) => [
    ...own,
    ...extraIds(config)
      .reverse()
      .map((token): ScoredPiece => [token, 0]),
  ],
  build: (config, { model, charsmap }) => ({
    entries: { normalizer: precompiled(charsmap)[0] ?? null, ...inWords('always'), model: modelOf(model, 2) },
    defaults: { eos: '</s>', unk: '<unk>', pad: '<pad>' },
    extra: (given = []) =>
      given.some(({ content }) => content.includes('<extra_id_'))
        ? given
        : [...given, ...extraIds(config).map(specialToken)],
    around: ({ eos }): PostProcessor => both([sequence('A', 0), ...step(eos, 0)], [sequence('B', 0), ...step(eos, 0)]),
  }),
}

function extraIds(config: JsonObject): string[] {
  const count = config.extra_ids ?? EXTRA_IDS
  if (!Number.isInteger(count) || (count as number) < 0 || (count as number) > MOST_EXTRA_IDS)
    throw fileError('tokenizer_config.json', 'extra_ids must be a whole number from 0 to 100000', { extra_ids: count })
  return Array.from({ length: count as number }, (_, index) => `<extra_id_${index}>`)
}

const MOST_EXTRA_IDS = 100_000

const albert: TokenizerClass = {
  ...unigram,
  vocabulary: 'spiece.model',
  needsCharsmap: true,
  build: (config, { model, charsmap }) => ({
    entries: {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          replace('``', '"'),
          replace("''", '"'),
          ...(flagOr(config.keep_accents, false) ? [] : [{ type: 'NFKD' }, { type: 'StripAccents' }]),
          ...(flagOr(config.do_lower_case, true) ? [{ type: 'Lowercase' }] : []),
          ...precompiled(charsmap),
        ],
      },
      ...inWords(schemeOf(config)),
      model: modelOf(model, 1),
    },
    defaults: {
      bos: '[CLS]',
      eos: '[SEP]',
      unk: '<unk>',
      sep: '[SEP]',
      pad: '<pad>',
      cls: '[CLS]',
      mask: '[MASK]',
    },
    around: aroundWithTypes,
  }),
}

const robertaNames = {
  bos: '<s>',
  eos: '</s>',
  unk: '<unk>',
  sep: '</s>',
  pad: '<pad>',
  cls: '<s>',
  mask: '<mask>',
} as const
const aroundBeginAndEnd: ClassPipeline['around'] = ({ bos, eos }) => aroundTwice(bos, eos)

const xlmRoberta: TokenizerClass = {
  ...unigram,
  vocabulary: 'sentencepiece.bpe.model',
  needsCharsmap: true,
  pieces: (own, config) => [
    [textOr(config.bos_token, '<s>'), 0],
    [textOr(config.pad_token, '<pad>'), 0],
    [textOr(config.eos_token, '</s>'), 0],
    [textOr(config.unk_token, '<unk>'), 0],
    ...own.slice(3), // its own <unk>, <s> and </s>
    [textOr(config.mask_token, '<mask>'), 0],
  ],
  build: (config, { model, charsmap }) => ({
    entries: { normalizer: precompiled(charsmap)[0] ?? null, ...inWords(schemeOf(config)), model: modelOf(model, 3) },
    defaults: robertaNames,
    around: aroundBeginAndEnd,
  }),
}

const NOT_USED = ['<s>NOTUSED', '</s>NOTUSED', '<unk>NOTUSED'] as const

const camembert: TokenizerClass = {
  ...xlmRoberta,
  pieces: (own, config) => [
    [NOT_USED[0], 0],
    [textOr(config.pad_token, '<pad>'), 0],
    [NOT_USED[1], 0],
    [textOr(config.unk_token, '<unk>'), 0],
    [NOT_USED[2], -100],
    ...own.slice(1),
    [textOr(config.mask_token, '<mask>'), 0],
  ],
  build: (config, source) => ({
    ...xlmRoberta.build(config, source),
    entries: {
      ...xlmRoberta.build(config, source).entries,
      model: modelOf(source.model, Math.max(0, placeOf(source.model, textOr(config.unk_token, '<unk>')))),
    },
    flags: { mask: { lstrip: true } },
    extra: (given) => given ?? NOT_USED.map(specialToken),
  }),
}

const debertaV2: TokenizerClass = {
  ...unigram,
  vocabulary: 'spm.model',
  inputNames: threeInputs,
  build: (config, { model }) => {
    const scheme = flagOr(config.add_prefix_space, true) ? 'always' : 'first'
    const unknown = placeOf(model, textOr(config.unk_token, '[UNK]'), 0)
    const otherwise = typeof config.unk_id === 'number' ? config.unk_id : 1
    return {
      entries: {
        normalizer: {
          type: 'Sequence',
          normalizers: [
            ...(flagOr(config.do_lower_case, false) ? [{ type: 'Lowercase' }] : []),
            replaceEach('\\s{2,}|[\\n\\r\\t]', ' '),
            { type: 'NFC' },
            { type: 'Strip', strip_left: false, strip_right: true },
          ],
        },
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [
            ...(flagOr(config.split_by_punct, false) ? [{ type: 'Punctuation', behavior: 'Isolated' }] : []),
            metaspace(scheme),
          ],
        },
        decoder: metaspace(scheme),
        model: modelOf(model, unknown < 0 ? otherwise : unknown),
      },
      defaults: {
        bos: '[CLS]',
        eos: '[SEP]',
        unk: '[UNK]',
        sep: '[SEP]',
        pad: '[PAD]',
        cls: '[CLS]',
        mask: '[MASK]',
      },
      around: aroundWithTypes,
    }
  },
}

/** Where a piece stands, with a score where one is given; -1 where it does not. */
function placeOf(model: JsonObject, piece: string, score?: number): number {
  const pieces = Array.isArray(model.vocab) ? (model.vocab as readonly unknown[]) : []
  return pieces.findIndex(
    (entry) => Array.isArray(entry) && entry[0] === piece && (score === undefined || entry[1] === score),
  )
}

/** Classes of Unigram by their names in transformers. */
export const unigramClasses: Readonly<Record<string, TokenizerClass>> = {
  T5Tokenizer: t5,
  AlbertTokenizer: albert,
  XLMRobertaTokenizer: xlmRoberta,
  CamembertTokenizer: camembert,
  DebertaV2Tokenizer: debertaV2,
}
