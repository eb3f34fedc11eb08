/** Texts around a model's tokens: prompts to ids, tokens to text that ends at its stop strings. */
import { EspalierError, type LanguageModel, Seq2SeqLM } from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import { type GenerateTokensOptions, type GenerationSource, generateRows, generateTokens } from '@espalier/models'
import type { GenerateBatchOptions, Generated, GeneratedPart, GenerateOptions } from './generation-options.js'
import { promptsOf } from './generation-prompts.js'
import { decoderStart, endTokens, generationSettings, stopTexts } from './generation-settings.js'
import { paddingToken } from './padding-token.js'
import type { RunnableModel } from './runnable-model.js'
import { TextWriter } from './text-writer.js'

/** What texts are made with. */
export interface TextSource {
  readonly tokenizer: Tokenizer
  /** generation_config.json. */
  readonly file: Readonly<Record<string, unknown>>
  /** Resolves to a language model. */
  readonly ready: Promise<RunnableModel>
}

/** Continues one prompt piece by piece; a piece never holds half a character. */
export async function* streamText(
  source: TextSource,
  options: GenerateOptions,
): AsyncGenerator<GeneratedPart, Omit<Generated, 'text' | 'tokenIds'>, void> {
  const { rows, ends, request, writer } = await preparedFor(source, options)
  const [ids] = rows as [number[]]
  const written = writer()
  let pending: number[] = []
  let reason: Generated['reason'] = 'length'
  for await (const { token } of generateTokens(request.model, rows, request.options)) {
    if (ends.includes(token)) {
      reason = 'eos'
      break
    }
    pending.push(token)
    const text = written.push(token)
    if (text !== '' || written.stopped) {
      yield { text, tokenIds: pending }
      pending = []
    }
    if (written.stopped) return { promptTokens: ids.length, reason: 'stop' }
  }
  const text = written.end()
  if (text !== '' || pending.length > 0) yield { text, tokenIds: pending }
  return { promptTokens: ids.length, reason: written.stopped ? 'stop' : reason }
}

/** Continues all prompts in one batch: the texts of the first one, then those of the second, and so on. */
export async function generateTexts(source: TextSource, options: GenerateBatchOptions): Promise<Generated[]> {
  const { rows, request, writer } = await preparedFor(source, options)
  const { numReturnSequences = 1 } = request.options
  const made = await generateRows(request.model, rows, request.options)
  return made.map(({ tokens, finished, score }, row) => {
    const tokenIds = finished === 'eos' ? tokens.slice(0, -1) : tokens
    const written = writer()
    const text = tokenIds.map((token) => written.push(token)).join('') + written.end()
    return {
      text,
      tokenIds,
      promptTokens: (rows[Math.floor(row / numReturnSequences)] as number[]).length,
      reason: written.stopped ? 'stop' : finished,
      ...(score === undefined ? {} : { score }),
    }
  })
}

interface Prepared {
  readonly rows: readonly number[][]
  readonly ends: readonly number[]
  readonly request: { readonly model: GenerationSource; readonly options: GenerateTokensOptions }
  readonly writer: () => TextWriter
}

async function preparedFor(
  { tokenizer, file, ready }: TextSource,
  options: GenerateOptions | GenerateBatchOptions,
): Promise<Prepared> {
  const rows = promptsOf(tokenizer, options)
  const [ends, stops] = [endTokens(file, tokenizer), stopTexts(file, options)]
  const runnable = await ready
  const model = runnable.model as LanguageModel
  const longest = model instanceof Seq2SeqLM ? 1 : Math.max(...rows.map((ids) => ids.length))
  const settings = generationSettings(file, options, longest)
  const writer = () => new TextWriter(tokenizer, stops)
  const stop = (settings.numBeams ?? 1) > 1 ? stopOfBeams(writer) : stopOfRows(writer)
  return {
    rows,
    ends,
    writer,
    request: {
      model: {
        ...runnable,
        model,
        eosTokenIds: ends,
        padTokenId: paddingOf(tokenizer, ends, rows, model.sizes.vocabularySize),
        decoderStartTokenId: model instanceof Seq2SeqLM ? decoderStart(file) : undefined,
      },
      options: stops.length > 0 ? { ...settings, stop } : settings,
    },
  }
}

// Prompts of several lengths are padded with it, and what looks back at tokens sees it; of one length none needs any.
function paddingOf(
  tokenizer: Tokenizer,
  ends: readonly number[],
  rows: readonly number[][],
  vocabularySize: number,
): number {
  const { padTokenId, padToken } = tokenizer
  const id = padTokenId ?? ends[0] ?? 0
  if (id < vocabularySize) return id
  if (new Set(rows.map(({ length }) => length)).size === 1)
    return paddingToken({ padTokenId, eosTokenId: ends[0] }, vocabularySize)
  throw new EspalierError('tokenizer.unfit', {
    what: 'prompts of several lengths need a padding token, and the tokenizer’s is none of the model',
    got: { token: padToken, id, vocabularySize },
    fix: 'Give one prompt at a time, or set another pad_token in tokenizer_config.json',
  })
}

type Stop = (row: number, tokens: readonly number[]) => boolean

// A row is asked about at each of its tokens.
function stopOfRows(writer: () => TextWriter): Stop {
  const rows = new Map<number, TextWriter>()
  return (row, tokens) => {
    const written = rows.get(row) ?? writer()
    rows.set(row, written)
    written.push(tokens.at(-1) as number)
    return written.stopped
  }
}

// Candidates come in any order.
function stopOfBeams(writer: () => TextWriter): Stop {
  return (_, tokens) => {
    const written = writer()
    for (const token of tokens) written.push(token)
    return written.stopped
  }
}
