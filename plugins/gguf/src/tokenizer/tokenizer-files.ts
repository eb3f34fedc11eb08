/** The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json. */
import { badHeader, unsupportedGguf } from '../errors.js'
import type { Metadata } from '../header/metadata.js'
import { type PreTokenizer, preTokenizers } from './pre-tokenizers.js'

const CONTROL = 3 // kinds of tokens, by llama.cpp's numbers
const USER_DEFINED = 4
const ELSEWHERE = "Name the tokenizer of the model that it was made from: tokenizer: 'owner/name', or --tokenizer."

/** Files by name, as objects. Throws gguf.header, and gguf.unsupported for a tokenizer that is not read. */
export function tokenizerFiles(metadata: Metadata): ReadonlyMap<string, unknown> {
  const tokens = metadata.texts('tokenizer.ggml.tokens')
  const merges = metadata.texts('tokenizer.ggml.merges')
  const splitting = splittingOf(metadata)
  if (tokens === undefined || merges === undefined)
    throw badHeader('the tokenizer lacks its tokens or merges', metadata.file, {
      tokens: tokens?.length,
      merges: merges?.length,
    })
  return new Map([
    ['tokenizer.json', tokenizerOf(metadata, { tokens, merges, splitting })],
    ['tokenizer_config.json', settingsOf(metadata, tokens)],
  ])
}

function splittingOf(metadata: Metadata): PreTokenizer {
  const [model, pre = ''] = [metadata.text('tokenizer.ggml.model'), metadata.text('tokenizer.ggml.pre')]
  const splitting = model === 'gpt2' && Object.hasOwn(preTokenizers, pre) ? preTokenizers[pre] : undefined
  if (splitting !== undefined) return splitting
  throw unsupportedGguf(
    'the tokenizer in the file is of a kind that is not read',
    metadata.file,
    { model, pre, known: Object.keys(preTokenizers).map((name) => `gpt2 ${name}`) },
    ELSEWHERE,
  )
}

interface Parts {
  readonly tokens: readonly string[]
  readonly merges: readonly string[]
  readonly splitting: PreTokenizer
}

function tokenizerOf(metadata: Metadata, { tokens, merges, splitting }: Parts): unknown {
  const kinds = metadata.numbers('tokenizer.ggml.token_type') ?? []
  const added = tokens.flatMap((content, id) =>
    kinds[id] === CONTROL || kinds[id] === USER_DEFINED
      ? [
          {
            id,
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: kinds[id] === CONTROL,
          },
        ]
      : [],
  )
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: splitting.normalizer,
    pre_tokenizer: splitting.preTokenizer,
    post_processor: around(metadata, tokens),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: splitting.ignoresMerges,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
}

/** The beginning and end that the file asks for around a text; null: none. */
function around(metadata: Metadata, tokens: readonly string[]): unknown {
  const begin = metadata.flag('tokenizer.ggml.add_bos_token') === true ? tokenOf(metadata, 'bos', tokens) : undefined
  const end = metadata.flag('tokenizer.ggml.add_eos_token') === true ? tokenOf(metadata, 'eos', tokens) : undefined
  const named = [begin, end].flatMap((token) => token ?? [])
  if (named.length === 0) return null
  const special = (token: { readonly text: string } | undefined, type: number) =>
    token === undefined ? [] : [{ SpecialToken: { id: token.text, type_id: type } }]
  const text = (id: 'A' | 'B', type: number) => [
    ...special(begin, type),
    { Sequence: { id, type_id: type } },
    ...special(end, type),
  ]
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: Object.fromEntries(named.map(({ text: id, number }) => [id, { id, ids: [number], tokens: [id] }])),
  }
}

function settingsOf(metadata: Metadata, tokens: readonly string[]): unknown {
  const special = (['bos', 'eos', 'unknown', 'padding'] as const).map((which) => tokenOf(metadata, which, tokens)?.text)
  const [bos, eos, unknown, padding] = special
  const template = metadata.text('tokenizer.chat_template')
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...(bos !== undefined && { bos_token: bos }),
    ...(eos !== undefined && { eos_token: eos }),
    ...(unknown !== undefined && { unk_token: unknown }),
    ...(padding !== undefined && { pad_token: padding }),
    ...(template !== undefined && { chat_template: template }),
  }
}

function tokenOf(metadata: Metadata, which: 'bos' | 'eos' | 'unknown' | 'padding', tokens: readonly string[]) {
  const key = `tokenizer.ggml.${which}_token_id`
  const number = metadata.number(key)
  if (number === undefined) return undefined
  const text = tokens[number]
  if (text === undefined)
    throw badHeader('a token is beyond the vocabulary', metadata.file, { key, id: number, tokens: tokens.length })
  return { text, number }
}
