/** What `predict` takes, by the head that it is for, and who answers it. */
import { EspalierError, requireAwaited, type TaskType } from '@espalier/core'
import type { Answer } from '../answers/choose-answers.js'
import { answerQuestions, type QuestionInput } from './answered-questions.js'
import { type Embedding, type EmbeddingInput, embedTexts } from './embedded-texts.js'
import { fillTexts, type MaskCandidate, type MaskedInput } from './filled-masks.js'
import { labelWords, type WordLabels, type WordsInput } from './labelled-words.js'
import { checkPredictOptions, type PredictContext, type PredictOptions } from './predict-options.js'
import { type ClassificationInput, classifyTexts, type Prediction } from './text-classification.js'

/** One input of `predict`. */
export type PredictInput = ClassificationInput | QuestionInput | WordsInput | MaskedInput | EmbeddingInput

/** What `predict` says of one input. */
export type Predicted = Prediction | Answer | WordLabels | MaskCandidate[][] | Embedding

/** What the model's head says of each input, in order. Throws config.* for what is no list of inputs and for options, model.unsupported for inputs of another head, tokenizer.*, data.row, or the signal's reason. */
export async function predictAll(
  context: PredictContext,
  inputs: readonly PredictInput[],
  options: PredictOptions,
): Promise<readonly Predicted[]> {
  checkPredictOptions(options)
  requireAwaited('inputs', inputs)
  const kind = kindOf(inputs)
  const { task } = context.model
  if (kind !== undefined && kind !== task)
    throw new EspalierError('model.unsupported', {
      what: 'the head of the model is not for such inputs',
      got: { task, inputsAreFor: kind },
      fix: WANTED[task] ?? 'Load the model with another AutoModel class',
    })
  switch (kind) {
    case 'QUESTION_ANS':
      return answerQuestions(context, inputs as readonly QuestionInput[], options)
    case 'TOKEN_CLS':
      return labelWords(context, inputs as readonly WordsInput[], options)
    case 'MASKED_LM':
      return fillTexts(context, inputs as readonly MaskedInput[], options)
    case 'FEATURE_EXTRACTION':
      return embedTexts(context, inputs as readonly EmbeddingInput[], options)
    default:
      return classifyTexts(context, inputs as readonly ClassificationInput[], options)
  }
}

const WANTED: Readonly<Partial<Record<TaskType, string>>> = {
  SEQ_CLS: 'Give a text, or a list of texts, of pairs of texts, or of { inputIds }',
  TOKEN_CLS: 'Give { tokens: [...] }, a list of words',
  QUESTION_ANS: 'Give { question, context }',
  MASKED_LM: 'Give { masked }, a text with the mask token',
  FEATURE_EXTRACTION: 'Give { text }, or load it with another AutoModel class',
  CAUSAL_LM: 'Use generate, or load it with another AutoModel class',
  SEQ_2_SEQ_LM: 'Use generate, or load it with another AutoModel class',
}

// In this order: tokenized inputs may carry their text along.
const KEYS: Readonly<Record<string, TaskType>> = {
  inputIds: 'SEQ_CLS',
  question: 'QUESTION_ANS',
  tokens: 'TOKEN_CLS',
  masked: 'MASKED_LM',
  text: 'FEATURE_EXTRACTION',
}

// Undefined where there is none, or none that could be anything: its reader says so.
function kindOf(inputs: unknown): TaskType | undefined {
  const [first] = Array.isArray(inputs) ? (inputs as unknown[]) : []
  if (typeof first === 'string') return 'SEQ_CLS'
  if (typeof first !== 'object' || first === null) return undefined
  const key = Object.keys(KEYS).find((name) => name in first)
  return key === undefined ? (Array.isArray(first) ? 'SEQ_CLS' : undefined) : KEYS[key]
}
