/** Supervised examples as feeds of core's causal loss. */
import type { PackedExample } from '../packing/packed-examples.js'
import { type CausalCollation, causalFeeds, collateCausal } from './causal-batch.js'
import type { CollatedBatch, DataCollator } from './data-collator.js'
import type { BatchShape } from './split-step.js'

/** Pads on the right, and lists the positions whose next token counts: see causal-batch.ts. */
export class DataCollatorForCausalLM implements DataCollator<PackedExample> {
  constructor(private readonly options: CausalCollation) {}

  collate(examples: readonly PackedExample[], shape: BatchShape): CollatedBatch {
    const batch = collateCausal(examples, { ...shape, ...this.options })
    return { feeds: causalFeeds(batch), count: batch.countedCount, tokens: batch.tokenCount }
  }
}
