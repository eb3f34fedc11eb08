/** What a model is to the rest: a module tree whose root knows its task, its sizes and its head. Families of models are in other packages. */
import type { Tensor } from '../graph/tensor.js'
import type { Context } from '../module/context.js'
import { Module } from '../module/module.js'

/** Tasks, by PEFT's names. FEATURE_EXTRACTION is the bare model without a head. */
export type TaskType = 'CAUSAL_LM' | 'SEQ_CLS' | 'TOKEN_CLS' | 'QUESTION_ANS' | 'FEATURE_EXTRACTION'

/** Sizes of a model that generation, memory estimates and checks need. */
export interface ModelSizes {
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly layerCount: number
  readonly headCount: number
  /** Key/value heads. */
  readonly groupCount: number
  readonly headSize: number
  /** Longest sequence that the positions allow; null: no limit. */
  readonly maxPositions: number | null
}

/** The root of a model's tree. */
export abstract class Model extends Module {
  abstract readonly task: TaskType
  abstract readonly sizes: ModelSizes
  /** PyTorch's class of the same model, such as LlamaForCausalLM. */
  abstract readonly className: string
  /** Whether queries see no later tokens. */
  abstract readonly causal: boolean

  override get printedName(): string {
    return this.className
  }

  /** Paths of its lists of repeated layers, such as `model.layers`: where recomputation cuts, and what ranges of layers count. */
  get layerPaths(): readonly string[] {
    return []
  }

  /**
   * ids (batch, tokens) i32 -> by task: logits (batch, tokens, vocabulary); (batch, labels); (batch, tokens, labels); start and end
   * logits (batch, tokens, 2); or the last hidden states (batch, tokens, hidden).
   */
  abstract override forward(ids: Tensor, context: Context): Tensor
}

/** A model that predicts the next token. */
export abstract class CausalLM extends Model {
  readonly task = 'CAUSAL_LM'
  readonly causal = true
  /** ids (batch, tokens) -> hidden states before the head (batch, tokens, hidden). */
  abstract hidden(ids: Tensor, context: Context): Tensor
  /** The module from hidden states to logits. */
  abstract head(): Module

  /** ids (batch, tokens) -> logits (batch, tokens, vocabulary). */
  forward(ids: Tensor, context: Context): Tensor {
    return this.head().forward(this.hidden(ids, context), context)
  }
}
