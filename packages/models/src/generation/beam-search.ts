/** Beam search over a key/value cache: the rows of a prompt's beams move with them, so that no prefix is read again. */
import { type HostTensor, Random } from '@espalier/core'
import { Beams, candidatesPerBeam } from './beams.js'
import { CacheSession } from './cache-session.js'
import { drawnPlaces, narrowedScores } from './drawn-beams.js'
import { largest } from './largest.js'
import type { FinishReason, GenerationSource, ResolvedOptions } from './options.js'
import { type ProcessedPrompt, processedPrompts } from './processed-prompts.js'

/** The new tokens of one row, why it ended, and in beam search its score. */
export interface GeneratedRow {
  readonly tokens: readonly number[]
  readonly finished: FinishReason
  /** Sum of log-probabilities, divided by the length to the power of lengthPenalty. */
  readonly score?: number
}

/** The best `numReturnSequences` beams of each prompt, best first. Rejects with the signal's reason. */
export async function searchBeams(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: ResolvedOptions,
): Promise<GeneratedRow[]> {
  const { numBeams, numReturnSequences, signal } = options
  const least = candidatesPerBeam(source.eosTokenIds?.length ?? 0)
  const prompts = processedPrompts(source, inputIds, options)
  const groups = prompts.map((prompt, row) => groupOf(prompt, row, source, options))
  const copies = inputIds.flatMap((ids) => Array<readonly number[]>(numBeams).fill(ids))
  const session = new CacheSession(source, copies, 'logits', options.maxNewTokens, signal)
  try {
    let result = await session.prefill()
    while (true) {
      for (const [row, group] of groups.entries()) {
        const { ids, processors } = prompts[row] as ProcessedPrompt
        group.advance(
          group.running.map(({ tokens }, beam) => {
            const scores = logProbabilities(logitsOf(result, row * numBeams + beam))
            for (const process of processors) process(scores, [...ids, ...tokens])
            const narrowed = options.doSample ? narrowedScores(scores, options, least) : scores
            return options.renormalizeLogits ? logProbabilities(narrowed) : narrowed
          }),
        )
      }
      if (isDone(groups, options)) break
      await session.reorder(groups.flatMap(({ parents }, row) => parents.map((parent) => row * numBeams + parent)))
      result = await session.step(groups.flatMap(({ running }) => running.map(({ tokens }) => tokens.at(-1) as number)))
    }
  } finally {
    session.release()
  }
  return groups.flatMap(({ ended }, row) =>
    ended.slice(0, numReturnSequences).map(({ tokens, score }) => {
      const last = tokens.at(-1)
      const atEnd = last !== undefined && source.eosTokenIds?.includes(last) === true
      const finished = atEnd ? 'eos' : options.stop?.(row, tokens) === true ? 'stop' : 'length'
      return { tokens, score, finished }
    }),
  )
}

function groupOf(
  { promptLength }: ProcessedPrompt,
  row: number,
  { model, eosTokenIds = [] }: GenerationSource,
  { numBeams, lengthPenalty, earlyStopping, maxNewTokens, stop, doSample, seed }: ResolvedOptions,
): Beams {
  let step = 0
  const draw = (scores: Float32Array, count: number) =>
    drawnPlaces(scores, count, new Random(seed).at(`row ${row} step ${step++}`))
  const { maxPositions } = model.sizes
  const most = maxPositions === null ? maxNewTokens : Math.min(maxNewTokens, Math.max(1, maxPositions - promptLength))
  return new Beams({
    numBeams,
    lengthPenalty,
    earlyStopping,
    most,
    endTokens: eosTokenIds.length,
    choose: doSample ? draw : largest,
    ends: (tokens) =>
      tokens.length >= most || eosTokenIds.includes(tokens.at(-1) as number) || stop?.(row, tokens) === true,
  })
}

// As transformers, all prompts end together; what closed before no longer changes.
function isDone(groups: readonly Beams[], { earlyStopping }: ResolvedOptions): boolean {
  const none = groups.every(({ isOpen }) => !isOpen)
  const full = earlyStopping === true && groups.every(({ isFull }) => isFull)
  return none || full || groups.every(({ isStuck }) => isStuck)
}

function logitsOf({ data, shape }: HostTensor, row: number): Float32Array {
  const width = shape[1] as number
  return (data as Float32Array).slice(row * width, (row + 1) * width)
}

/** In place. */
function logProbabilities(logits: Float32Array): Float32Array {
  let top = Number.NEGATIVE_INFINITY
  for (const logit of logits) top = Math.max(top, logit)
  let whole = 0
  for (const logit of logits) whole += Math.exp(logit - top)
  const shift = top + Math.log(whole)
  for (let i = 0; i < logits.length; i++) logits[i] = (logits[i] as number) - shift
  return logits
}
