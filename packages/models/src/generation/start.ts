/** How generation begins: the program that reads the prompts into the cache, what it is fed, and what later steps know of it. */
import { type HostTensor, hostTensor, type LanguageModel, type Program, Seq2SeqLM } from '@espalier/core'
import { promptBucket } from './buckets.js'
import type { GenerationSource } from './options.js'
import type { ProgramSizes } from './programs.js'
import { tracedEncode, tracedPrefill } from './traced-programs.js'

/** A beginning. */
export interface Start {
  /** Tokens of each row in the decoder's cache once the program ran. */
  readonly lengths: readonly number[]
  /** Columns of the cache that the program writes. */
  readonly columns: number
  /** Columns that the encoder reads, where there is one. */
  readonly encodedLength?: number
  readonly feeds: Readonly<Record<string, HostTensor>>
  /** What every later step is fed besides its tokens. */
  readonly stepFeeds: Readonly<Record<string, HostTensor>>
  program(sizes: ProgramSizes): Program
}

/** What the decoder of a model has read of a prompt before its first own token: the prompt, or the start token behind an encoder. */
export function decoderPrompt(
  { model, decoderStartTokenId: start }: Pick<GenerationSource, 'model' | 'decoderStartTokenId'>,
  prompt: readonly number[],
): readonly number[] {
  return model instanceof Seq2SeqLM ? [start ?? model.startToken] : prompt
}

/** The beginning for prompts without padding. */
export function startOf(source: GenerationSource, prompts: readonly (readonly number[])[]): Start {
  const { model, padTokenId } = source
  const longest = Math.max(...prompts.map((ids) => ids.length))
  const columns = promptBucket(longest, model.sizes.maxPositions)
  const padding = padTokenId ?? 0
  return model instanceof Seq2SeqLM
    ? encoding({ ...source, model }, prompts, columns, padding)
    : reading(model, prompts, columns, longest, padding)
}

// Rows are padded on the left, so that all share one number of slots in use. Columns behind the longest row hide by causality.
function reading(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  columns: number,
  longest: number,
  padding: number,
): Start {
  const uneven = prompts.some((ids) => ids.length !== longest)
  const at = (ids: readonly number[], column: number) => column - (longest - ids.length)
  const table = (other: number, value: (ids: readonly number[], index: number) => number) =>
    columnsOf(prompts, columns, (ids, column) =>
      at(ids, column) >= 0 && column < longest ? value(ids, at(ids, column)) : other,
    )
  const shape = [prompts.length, columns]
  return {
    lengths: prompts.map((ids) => ids.length),
    columns,
    feeds: {
      input_ids: hostTensor(
        'i32',
        shape,
        table(padding, (ids, index) => ids[index] as number),
      ),
      last: hostTensor('i32', [], [longest - 1]),
      ...(uneven
        ? {
            position_ids: hostTensor(
              'i32',
              shape,
              table(0, (_, index) => index),
            ),
            keep: hostTensor(
              'bool',
              shape,
              table(0, () => 1),
            ),
          }
        : {}),
    },
    stepFeeds: {},
    program: (sizes) => tracedPrefill(model, columns, uneven, sizes),
  }
}

// The encoder's rows are padded on the right, as its positions count from the first column.
function encoding(
  source: Pick<GenerationSource, 'decoderStartTokenId'> & { readonly model: Seq2SeqLM },
  prompts: readonly (readonly number[])[],
  columns: number,
  padding: number,
): Start {
  const shape = [prompts.length, columns]
  const encoder_keep = hostTensor(
    'bool',
    shape,
    columnsOf(prompts, columns, (ids, i) => Number(i < ids.length)),
  )
  return {
    lengths: prompts.map(() => 1),
    columns: 1,
    encodedLength: columns,
    feeds: {
      input_ids: hostTensor(
        'i32',
        shape,
        columnsOf(prompts, columns, (ids, i) => ids[i] ?? padding),
      ),
      encoder_keep,
      decoder_input_ids: hostTensor(
        'i32',
        [prompts.length, 1],
        prompts.flatMap((prompt) => decoderPrompt(source, prompt)),
      ),
    },
    stepFeeds: { encoder_keep },
    program: (sizes) => tracedEncode(source.model, sizes),
  }
}

function columnsOf(
  prompts: readonly (readonly number[])[],
  columns: number,
  value: (ids: readonly number[], column: number) => number,
): number[] {
  return prompts.flatMap((ids) => Array.from({ length: columns }, (_, column) => value(ids, column)))
}
