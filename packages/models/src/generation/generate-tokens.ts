/** Generation over a key/value cache: token ids in, token ids out. Text, templates and stop strings are the caller's. */
import { type HostTensor, Random, Seq2SeqLM } from '@espalier/core'
import { CacheSession } from './cache-session.js'
import { chooseToken } from './choose-token.js'
import {
  type FinishReason,
  type GeneratedToken,
  type GenerateTokensOptions,
  type GenerationSource,
  type ResolvedOptions,
  resolveOptions,
} from './options.js'
import type { LogitsProcessor } from './processors/processor.js'
import { processorsOf } from './processors/processors-of.js'
import { decoderPrompt } from './start.js'

/**
 * Continues every row of `inputIds` (without padding) and gives tokens as they come, rows of a step in order. The end token belongs to
 * its row's tokens. Leaving the loop early stops the work. Throws config.value, or rejects with the signal's reason.
 */
export async function* generateTokens(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): AsyncGenerator<GeneratedToken, void, void> {
  const resolved = resolveOptions(source, inputIds, options)
  const { maxNewTokens, signal } = resolved
  signal?.throwIfAborted()
  const rows = rowsOf(source, inputIds, resolved)
  const onDevice = !resolved.doSample && rows.every(({ processors }) => processors.length === 0)
  const session = new CacheSession(source, inputIds, onDevice ? 'token' : 'logits', maxNewTokens, signal)
  try {
    let result = await session.prefill()
    for (let step = 0; ; step++) {
      const tokens = rows.map((row) => (row.finished === null ? nextToken(result, row, step, resolved) : row.padding))
      for (const row of rows) {
        if (row.finished !== null) continue
        const token = tokens[row.index] as number
        row.tokens.push(token)
        row.ids.push(token)
        row.finished = finishOf(row, token, source, resolved)
        yield { row: row.index, token, finished: row.finished }
      }
      if (rows.every(({ finished }) => finished !== null)) return
      result = await session.step(tokens)
    }
  } finally {
    session.release()
  }
}

/** The new tokens of one row, and why it ended. */
export interface GeneratedRow {
  readonly tokens: readonly number[]
  readonly finished: FinishReason
}

/** As `generateTokens`, collected: one entry per row, without prompt and padding. */
export async function generateRows(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): Promise<GeneratedRow[]> {
  const rows = inputIds.map(() => ({ tokens: [] as number[], finished: 'length' as FinishReason }))
  for await (const { row, token, finished } of generateTokens(source, inputIds, options)) {
    const own = rows[row]
    if (own === undefined) continue
    own.tokens.push(token)
    if (finished !== null) own.finished = finished
  }
  return rows
}

interface Row {
  readonly index: number
  /** Tokens that the decoder has read before. */
  readonly promptLength: number
  readonly padding: number
  readonly processors: readonly LogitsProcessor[]
  /** What the decoder has read, padding on the left included: what transformers' processors see. */
  readonly ids: number[]
  readonly tokens: number[]
  finished: FinishReason | null
}

function rowsOf(
  { model, padTokenId, eosTokenIds: ends = [] }: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: ResolvedOptions,
): Row[] {
  const padding = padTokenId ?? 0
  const prompts = inputIds.map((ids) => decoderPrompt(model, ids))
  const padded = leftPadded(prompts, padding)
  const sources = model instanceof Seq2SeqLM ? rightPadded(inputIds, padding) : padded
  return prompts.map((prompt, index) => {
    const [ids, source] = [padded[index] as number[], sources[index] as number[]]
    const processors = processorsOf(options, { promptLength: ids.length, source, ends })
    return { index, promptLength: prompt.length, padding, processors, ids, tokens: [], finished: null }
  })
}

function leftPadded(rows: readonly (readonly number[])[], padding: number): number[][] {
  const longest = Math.max(...rows.map((ids) => ids.length))
  return rows.map((ids) => [...Array<number>(longest - ids.length).fill(padding), ...ids])
}

function rightPadded(rows: readonly (readonly number[])[], padding: number): number[][] {
  const longest = Math.max(...rows.map((ids) => ids.length))
  return rows.map((ids) => [...ids, ...Array<number>(longest - ids.length).fill(padding)])
}

function nextToken(result: HostTensor, row: Row, step: number, options: ResolvedOptions): number {
  const width = result.shape[1] as number
  const start = row.index * width
  if (result.dtype === 'i32') return result.data[start] as number
  const logits = (result.data as Float32Array).slice(start, start + width)
  for (const process of row.processors) process(logits, row.ids)
  return chooseToken(logits, new Random(options.seed).at(`row ${row.index} step ${step}`), options)
}

function finishOf(row: Row, token: number, source: GenerationSource, options: ResolvedOptions): FinishReason | null {
  if (source.eosTokenIds?.includes(token)) return 'eos'
  if (options.stop?.(row.index, row.tokens)) return 'stop'
  const { maxPositions } = source.model.sizes
  const full = maxPositions !== null && row.promptLength + row.tokens.length >= maxPositions
  return full || row.tokens.length >= options.maxNewTokens ? 'length' : null
}
