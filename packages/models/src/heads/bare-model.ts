/** The bare model of a family, over which every head is built. */
import { type Embedding, Model, type TaskType } from '@espalier/core'

/** A model without a head: ids (batch, tokens) -> last hidden states (batch, tokens, hidden). */
export abstract class BareModel extends Model {
  readonly task: TaskType = 'FEATURE_EXTRACTION'

  /** The token table, whose weight a tied head shares. */
  abstract tokenTable(): Embedding

  /** Size of its last hidden states, which heads read. */
  get outSize(): number {
    return this.sizes.hiddenSize
  }
}
