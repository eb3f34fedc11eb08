/** What a model is to the rest: a module tree whose root knows its task, its sizes and its head. Families of models are in other packages. */
import { EspalierError } from '../errors.js'
import type { Tensor } from '../graph/tensor.js'
import type { Context } from '../module/context.js'
import { Module } from '../module/module.js'
import { namedModules } from '../module/tree.js'

/** Tasks, by PEFT's names. FEATURE_EXTRACTION is the bare model without a head. */
export type PeftTaskType =
  | 'CAUSAL_LM'
  | 'SEQ_2_SEQ_LM'
  | 'SEQ_CLS'
  | 'TOKEN_CLS'
  | 'QUESTION_ANS'
  | 'FEATURE_EXTRACTION'

/** What models are for. PEFT has no name for filling in masked tokens: its adapters say the model's class instead. */
export type TaskType = PeftTaskType | 'MASKED_LM'

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
  /** Where texts begin for which a model was stretched: a longer one in a batch changes how all of its rows are read. */
  readonly stretch?: {
    /** Positions of texts that are read as the model was trained. */
    readonly from: number
    /** Whether a text that grows longer is read again from its beginning; else what was read stays as it is. */
    readonly isReadAgain: boolean
  }
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

  /**
   * Positions in front of every row of its output that are not in the ids: the virtual tokens of a prompt tuner. The last of them predicts
   * the first id, so losses count that too. 0 for a model that reads ids alone.
   */
  get virtualTokens(): number {
    return 0
  }

  /** Paths of its lists of repeated layers, such as `model.layers`: where recomputation cuts, and what ranges of layers count. */
  get layerPaths(): readonly string[] {
    return []
  }

  /**
   * ids (batch, tokens) i32, of an encoder-decoder model the decoder's -> by task: logits (batch, tokens, vocabulary); (batch, labels);
   * (batch, tokens, labels); start and end logits (batch, tokens, 2); or the last hidden states (batch, tokens, hidden).
   */
  abstract override forward(ids: Tensor, context: Context): Tensor
}

/** A model that predicts the next token of what it writes. */
export abstract class LanguageModel extends Model {
  abstract override readonly task: 'CAUSAL_LM' | 'SEQ_2_SEQ_LM'
  readonly causal = true
  /** ids (batch, tokens) -> hidden states before the head (batch, tokens, hidden). */
  abstract hidden(ids: Tensor, context: Context): Tensor
  /** The module from hidden states to logits. */
  abstract head(): Module

  /** Layers of the head that PEFT's all-linear leaves out: transformers' output embeddings. All of it, unless a family says otherwise. */
  outputLayers(): readonly Module[] {
    return namedModules(this.head()).map(({ module }) => module)
  }

  /** How much of the loss of unbalanced routing is added to that of tokens: see `routingLoss`. 0 where experts are not balanced, or there are none. */
  get routingCoefficient(): number {
    return 0
  }

  /** What config.json says once the head has a weight of its own. */
  get untiedConfig(): Readonly<Record<string, unknown>> {
    return { tie_word_embeddings: false }
  }

  /** ids (batch, tokens) -> logits (batch, tokens, vocabulary). */
  forward(ids: Tensor, context: Context): Tensor {
    return this.head().forward(this.hidden(ids, context), context)
  }
}

/** A language model that reads and writes one text. */
export abstract class CausalLM extends LanguageModel {
  readonly task = 'CAUSAL_LM'
}

/** A language model that reads one text and writes another. Its ids are the decoder's; the context's `source` is what the encoder reads. */
export abstract class Seq2SeqLM extends LanguageModel {
  readonly task = 'SEQ_2_SEQ_LM'
  /** The token in front of what the decoder writes. */
  abstract readonly startToken: number
  /** What the decoder reads in place of tokens that do not count. */
  abstract readonly paddingToken: number
  /** The encoder: ids (batch, source tokens) -> hidden states (batch, source tokens, hidden). */
  abstract encode(ids: Tensor, context: Context): Tensor
  /** The decoder, under a context with `encoded`: ids (batch, tokens) -> hidden states before the head (batch, tokens, hidden). */
  abstract decode(ids: Tensor, context: Context): Tensor

  /** ids (batch, tokens) of the decoder -> hidden states before the head; encodes the source unless the context has that done. */
  hidden(ids: Tensor, context: Context): Tensor {
    return this.decode(ids, context.encoded === undefined ? withEncoded(context, this) : context)
  }
}

/** A model that fills in masked tokens. */
export abstract class MaskedLM extends Model {
  readonly task = 'MASKED_LM'
  readonly causal = false

  /** ids (batch, tokens) -> hidden states before the head (batch, tokens, hidden). */
  abstract hidden(ids: Tensor, context: Context): Tensor

  /** The head: hidden states (..., hidden) -> logits (..., vocabulary). */
  abstract predict(hidden: Tensor, context: Context): Tensor

  /** Layers of the head that PEFT's all-linear leaves out: transformers' output embeddings. */
  abstract outputLayers(): readonly Module[]

  /** What config.json says once the projection has a weight of its own; null where the architecture has no such model. */
  get untiedConfig(): Readonly<Record<string, unknown>> | null {
    return { tie_word_embeddings: false }
  }

  /** ids (batch, tokens) -> logits (batch, tokens, vocabulary). */
  forward(ids: Tensor, context: Context): Tensor {
    return this.predict(this.hidden(ids, context), context)
  }
}

/** The context of a decoder, with what the encoder made of the context's source. Throws graph.slot where there is none. */
export function withEncoded({ source, ...context }: Context, model: Pick<Seq2SeqLM, 'encode'>): Context {
  if (source === undefined)
    throw new EspalierError('graph.slot', {
      what: 'an encoder-decoder model needs two inputs',
      got: { feeds: ['input_ids'] },
      fix: 'Feed what the decoder reads as decoder_input_ids',
    })
  const { length, mask } = source.context
  const hidden = model.encode(source.ids, source.context)
  context.trace.capture('encoder_last_hidden_state', () => hidden)
  return { ...context, encoded: { hidden, length, ...(mask.keep === undefined ? {} : { keep: mask.keep }) } }
}
