/** From questions and contexts to answers: windows through the model, and what run_qa chooses of their logits. */
import { answerWindows, askedRow } from '@espalier/data'
import { classifyTokens } from '@espalier/models'
import { type Answer, chooseAnswer } from '../answers/choose-answers.js'
import { windowLength } from '../training/answers-task.js'
import type { PredictContext, PredictOptions } from './predict-options.js'

/** A question, and the text that may hold its answer. */
export interface QuestionInput {
  readonly question: string
  readonly context: string
}

/** The answers, in order. Throws data.row for what is no text, model.unsupported for another head, or the signal's reason. */
export async function answerQuestions(
  { model, source, tokenizer }: PredictContext,
  inputs: readonly QuestionInput[],
  options: PredictOptions,
): Promise<Answer[]> {
  const { maxLength, docStride, signal } = options
  const own = await tokenizer()
  const settings = {
    ...windowLength(maxLength, model.sizes.maxPositions),
    ...(docStride === undefined ? {} : { docStride }),
  }
  const asked = inputs.map((input, i) => askedRow({ ...input }, `input ${i + 1}`))
  const windows = asked.map((row, i) => answerWindows(row, own, settings, i))
  const logits = (await classifyTokens(await source(), windows.flat(), { signal })).values()
  return asked.map((row, i) => {
    const scored = (windows[i] ?? []).map((window) => ({ window, logits: logits.next().value as Float32Array }))
    return chooseAnswer(row, scored, options)
  })
}
