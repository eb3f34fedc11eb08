/** What each prompt of a batch begins with, and the processors of its rows. */
import { Seq2SeqLM } from '@espalier/core'
import type { GenerationSource, ResolvedOptions } from './options.js'
import type { LogitsProcessor } from './processors/processor.js'
import { processorsOf } from './processors/processors-of.js'
import { decoderPrompt } from './start.js'

/** A prompt as its decoder begins. */
export interface ProcessedPrompt {
  /** Tokens that the decoder reads before its first own one, without padding. */
  readonly promptLength: number
  /** Those tokens with padding on the left: what transformers' processors see. */
  readonly ids: readonly number[]
  readonly processors: readonly LogitsProcessor[]
}

/** The prompts of a batch in order. */
export function processedPrompts(
  source: GenerationSource,
  inputIds: readonly (readonly number[])[],
  options: ResolvedOptions,
): ProcessedPrompt[] {
  const { model, padTokenId, eosTokenIds: ends = [] } = source
  const prompts = inputIds.map((ids) => decoderPrompt(source, ids))
  const padded = paddedRows(prompts, padTokenId ?? 0, 'left')
  const sources = model instanceof Seq2SeqLM ? paddedRows(inputIds, padTokenId ?? 0, 'right') : padded
  return prompts.map((prompt, row) => {
    const ids = padded[row] as number[]
    const processors = processorsOf(options, { promptLength: ids.length, source: sources[row] as number[], ends })
    return { promptLength: prompt.length, ids, processors }
  })
}

function paddedRows(rows: readonly (readonly number[])[], padding: number, side: 'left' | 'right'): number[][] {
  const longest = Math.max(...rows.map((ids) => ids.length))
  return rows.map((ids) => {
    const filling = Array<number>(longest - ids.length).fill(padding)
    return side === 'left' ? [...filling, ...ids] : [...ids, ...filling]
  })
}
