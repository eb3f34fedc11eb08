/** Options of `logits` and `predict`, and what predictions are made with. */
import { checkOptions, type Model, type OptionKinds } from '@espalier/core'
import type { Tokenizer, WindowSettings } from '@espalier/data'
import type { ClassificationSource } from '@espalier/models'
import type { AnswerOptions } from '../answers/choose-answers.js'

/** Options of `logits` and `predict`; all but the signal are those of one kind of head. */
export interface PredictOptions extends AnswerOptions, Pick<WindowSettings, 'docStride'> {
  readonly signal?: AbortSignal
  /** Most ids of a row, or of a window. Default: what the model reads; of answers 384, as run_qa. */
  readonly maxLength?: number
  /** Tokens that are told of each masked place. Default 5. */
  readonly topK?: number
  /** Which hidden states of a model without a head are a text's vector. Default 'mean'. */
  readonly pooling?: Pooling
}

/** The mean of all hidden states of a text, as sentence-transformers has it by default; that of its first token; or that of its last. */
export type Pooling = 'mean' | 'cls' | 'last'

/** A held model and what turns texts into its rows. */
export interface PredictContext {
  readonly model: Model
  /** The model on its backend. */
  source(): Promise<ClassificationSource>
  tokenizer(): Promise<Tokenizer>
  /** Names of a classification head's labels. */
  readonly labels: readonly string[] | null
  /** config.json as it was parsed. */
  readonly config: Readonly<Record<string, unknown>>
}

const KINDS: OptionKinds<PredictOptions> = {
  signal: 'signal',
  maxLength: 'number',
  topK: 'number',
  pooling: 'string',
  docStride: 'number',
  nBestSize: 'number',
  maxAnswerLength: 'number',
  version2WithNegative: 'boolean',
  nullScoreDiffThreshold: 'number',
}

/** Throws config.* for options that do not exist or are of another kind. */
export function checkPredictOptions(options: PredictOptions): void {
  checkOptions('predict', options, KINDS)
}

/** The name of a label, transformers' where there is none. */
export function labelName(labels: readonly string[] | null, index: number): string {
  return labels?.[index] ?? `LABEL_${index}`
}
