/** The least that has to be made again for a run to fit in a memory budget. Numbers only: who asks knows what a choice takes. */
import { EspalierError } from '@espalier/core'
import type { CheckpointingOptions } from './checkpoint-activations.js'

/** What there is to choose from. */
export interface BudgetToFit {
  /** Bytes that the run may take. */
  readonly budget: number
  /** Layers that gradients reach (`reachedLayers`). */
  readonly layers: number
  /** What is made again in any case, as `checkpointActivations` takes it. Default: nothing. */
  readonly atLeast?: CheckpointingOptions | readonly CheckpointingOptions[]
  /** Bytes that the run takes with a choice; asked up to a dozen times. */
  bytesOf(options: readonly CheckpointingOptions[]): number
}

/** What fits. */
export interface FittedCheckpointing {
  /** For `checkpointActivations`; empty: everything stays. */
  readonly options: readonly CheckpointingOptions[]
  readonly bytes: number
}

const MOST_TRIES = 6 // of a number of layers: memory follows it nearly along a line

/**
 * The choice with the fewest multiply-adds of those that fit. From one kind to the next, each of which makes more again (nothing, all but
 * large products, all but residuals, everything of a layer, of several at once), layers change over one by one, the first ones first.
 * Throws memory.budget with the least bytes that are possible where nothing fits.
 */
export function fitCheckpointing({ budget, layers, atLeast = [], bytesOf }: BudgetToFit): FittedCheckpointing {
  const given: readonly CheckpointingOptions[] = Array.isArray(atLeast) ? atLeast : [atLeast]
  let before: FittedCheckpointing = { options: given, bytes: bytesOf(given) }
  if (before.bytes <= budget) return before
  for (const kind of kinds(layers)) {
    const next = { options: [kind], bytes: bytesOf([kind]) }
    if (next.bytes <= budget) return mixed(next, before, { budget, layers, bytesOf })
    if (next.bytes < before.bytes) before = next
  }
  throw new EspalierError('memory.budget', {
    what: 'the run does not fit in the memory budget, whatever is made again',
    got: { memoryBudget: budget, least: Math.ceil(before.bytes) },
    fix: 'Give it at least so many bytes, or take a smaller maxLength, tokensPerMicroBatch or model',
  })
}

/** Kinds from little that is made again to much. */
function kinds(layers: number): readonly CheckpointingOptions[] {
  const several = Array.from({ length: Math.max(0, Math.ceil(Math.sqrt(layers)) - 1) }, (_, i) => ({ every: i + 2 }))
  return [{ keepsProducts: true }, { keepsResiduals: true }, {}, ...several]
}

/** As many layers of the kind that fits as are needed, the others of the kind before it. */
function mixed(
  fits: FittedCheckpointing,
  before: FittedCheckpointing,
  { budget, layers, bytesOf }: BudgetToFit,
): FittedCheckpointing {
  const [kind] = fits.options
  let most = { count: layers, ...fits }
  let least = { count: 0, bytes: before.bytes }
  for (let i = 0; i < MOST_TRIES && most.count - least.count > 1; i++) {
    const share = (least.bytes - budget) / (least.bytes - most.bytes)
    const guess = least.count + Math.ceil(share * (most.count - least.count))
    const count = Math.min(most.count - 1, Math.max(least.count + 1, guess))
    const options = [{ ...kind, layers: count }, ...before.options]
    const bytes = bytesOf(options)
    if (bytes <= budget) most = { count, options, bytes }
    else least = { count, bytes }
  }
  return { options: most.options, bytes: most.bytes }
}
