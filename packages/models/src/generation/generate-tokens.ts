/** Generation over a key/value cache: token ids in, token ids out. Text, templates and stop strings are the caller's. */
import { type HostTensor, Random } from '@espalier/core'
import { type GeneratedRow, searchBeams } from './beam-search.js'
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
import { type ProcessedPrompt, processedPrompts } from './processed-prompts.js'

/**
 * Continues every row of `inputIds` (without padding) and gives tokens as they come, rows of a step in order. The end token belongs to
 * its row's tokens. Several sequences of a prompt are rows one after the other; beams come when all have ended. Leaving the loop early stops the work. Throws config.value, or rejects with the signal's reason.
 */
export async function* generateTokens(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): AsyncGenerator<GeneratedToken, void, void> {
  const resolved = resolveOptions(source, inputIds, options)
  const { maxNewTokens, signal } = resolved
  signal?.throwIfAborted()
  if (resolved.numBeams > 1) {
    yield* wholeRows(await searchBeams(source, inputIds, resolved))
    return
  }
  const prompts = copiesOf(inputIds, resolved)
  const rows = rowsOf(source, prompts, resolved)
  const onDevice = !resolved.doSample && rows.every(({ processors }) => processors.length === 0)
  const session = new CacheSession(source, prompts, onDevice ? 'token' : 'logits', maxNewTokens, signal)
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

/** As `generateTokens`, collected: one entry per row, without prompt and padding; in beam search with its score. */
export async function generateRows(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: GenerateTokensOptions,
): Promise<GeneratedRow[]> {
  const resolved = resolveOptions(source, inputIds, options)
  if (resolved.numBeams > 1) return searchBeams(source, inputIds, resolved)
  const rows = copiesOf(inputIds, resolved).map(() => ({ tokens: [] as number[], finished: 'length' as FinishReason }))
  for await (const { row, token, finished } of generateTokens(source, inputIds, resolved)) {
    const own = rows[row]
    if (own === undefined) continue
    own.tokens.push(token)
    if (finished !== null) own.finished = finished
  }
  return rows
}

function* wholeRows(rows: readonly GeneratedRow[]): Generator<GeneratedToken> {
  for (const [row, { tokens, finished }] of rows.entries())
    for (const [i, token] of tokens.entries()) yield { row, token, finished: i === tokens.length - 1 ? finished : null }
}

function copiesOf(
  inputIds: readonly (readonly number[])[],
  { numReturnSequences }: ResolvedOptions,
): (readonly number[])[] {
  return inputIds.flatMap((ids) => Array<readonly number[]>(numReturnSequences).fill(ids))
}

interface Row extends ProcessedPrompt {
  readonly index: number
  readonly padding: number
  readonly ids: number[]
  readonly tokens: number[]
  finished: FinishReason | null
}

function rowsOf(source: GenerationSource, inputIds: readonly (readonly number[])[], options: ResolvedOptions): Row[] {
  return processedPrompts(source, inputIds, options).map((prompt, index) => ({
    ...prompt,
    index,
    padding: source.padTokenId ?? 0,
    ids: [...prompt.ids],
    tokens: [],
    finished: null,
  }))
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
