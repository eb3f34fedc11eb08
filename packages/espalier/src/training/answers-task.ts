/** Finding answers as a task: windows of contexts, the loss of an answer's ends, and SQuAD's scores. transformers' run_qa. */
import { cast, passOf, questionAnsweringLoss } from '@espalier/core'
import {
  type AnswerExamples,
  type AnswerFeatures,
  DataCollatorForQuestionAnswering,
  describeAnswers,
  prepareAnswers,
  type WindowSettings,
} from '@espalier/data'
import type { EvaluationMetrics, PredictedBatch } from '@espalier/trainer'
import { type AnswerOptions, chooseAnswer, type ScoredWindow } from '../answers/choose-answers.js'
import { squadMetrics, squadV2Metrics } from '../answers/squad-metrics.js'
import { padIdOf } from './classification-tasks.js'
import type { ComputeMetrics } from './label-metrics.js'
import type { TrainingTask } from './training-task.js'

/** How contexts are cut and answers chosen. */
export interface QuestionAnsweringOptions extends AnswerOptions, Pick<WindowSettings, 'docStride'> {}

/**
 * Rows with `question`, `context` and `answers`: see `prepareAnswers`; `maxLength` of the arguments is that of a window, 384 when left out.
 * Evaluations measure what SQuAD does: `exact_match` and `f1`, or, where contexts may have no answer, the scores of SQuAD 2.0. That they may is what rows
 * without an answer say, unless `version2WithNegative` does. A `computeMetrics` is given, for each window, logits of all starts and then of
 * all ends, and as labels the places of both.
 */
export function questionAnswering(options: QuestionAnsweringOptions = {}): TrainingTask<AnswerFeatures> {
  const { docStride } = options
  return {
    prepare: (rows, { tokenizer, model, args, signal }) =>
      prepareAnswers(rows, tokenizer, {
        ...windowLength(args.maxLength, model.sizes.maxPositions),
        ...(docStride === undefined ? {} : { docStride }),
        ...(signal === undefined ? {} : { signal }),
      }),
    async collator(context, examples) {
      const tokenTypes = examples.some(({ haveTokenTypes }) => haveTokenTypes === true)
      return new DataCollatorForQuestionAnswering({ padId: await padIdOf(context), tokenTypes })
    },
    describe: (examples) => describeAnswers(examples as AnswerExamples),
    loss: questionAnsweringLoss,
    metrics: (compute, examples) => answerMetrics(compute, examples as AnswerExamples, options),
  }
}

const WINDOW = 384 // run_qa

/** Most ids of a window: what is given, else run_qa's, but never more than the model has positions for. */
export function windowLength(
  given: number | null | undefined,
  maxPositions: number | null,
): Required<Pick<WindowSettings, 'maxLength'>> {
  if (given !== undefined) return { maxLength: given ?? maxPositions }
  return { maxLength: Math.min(WINDOW, maxPositions ?? WINDOW) }
}

function answerMetrics(
  compute: ComputeMetrics | undefined,
  examples: AnswerExamples,
  options: AnswerOptions,
): EvaluationMetrics {
  return {
    predict(model, inputs) {
      const { ids, context } = passOf(inputs, model.causal)
      return cast(model.forward(ids, context), 'f32')
    },
    compute(batches) {
      const windows = scoredWindows(batches, examples)
      return compute === undefined ? squadScores(windows, examples, options) : compute(sides(windows))
    },
  }
}

interface PlacedWindow extends ScoredWindow {
  readonly window: AnswerFeatures
}

function scoredWindows(batches: readonly PredictedBatch[], { windows }: AnswerExamples): PlacedWindow[] {
  return batches.flatMap(({ feeds, predictions: { data, shape } }) => {
    const [, length] = shape as [number, number, number]
    const places = feeds.windows?.data as Int32Array
    return Array.from(places).flatMap((place, row) => {
      const window = windows[place]
      if (window === undefined) return [] // padding
      const from = 2 * row * length
      return [{ window, logits: (data as Float32Array).slice(from, from + 2 * window.inputIds.length) }]
    })
  })
}

function squadScores(
  scored: readonly PlacedWindow[],
  { rows }: AnswerExamples,
  options: AnswerOptions,
): Readonly<Record<string, number>> {
  const { version2WithNegative = rows.some(({ answers }) => answers.length === 0) } = options
  const byRow = new Map<number, PlacedWindow[]>()
  for (const one of scored) byRow.set(one.window.row, [...(byRow.get(one.window.row) ?? []), one])
  const answers = rows.flatMap((row, index) => {
    const windows = byRow.get(index)
    if (windows === undefined) return []
    const { answer } = chooseAnswer(row, windows, { ...options, version2WithNegative })
    return [{ answer, right: row.answers.map(({ text }) => text) }]
  })
  return version2WithNegative ? squadV2Metrics(answers) : squadMetrics(answers)
}

function sides(scored: readonly PlacedWindow[]): Parameters<ComputeMetrics>[0] {
  const side = (logits: ArrayLike<number>, which: number) => Array.from(logits).filter((_, i) => i % 2 === which)
  return {
    predictions: scored.map(({ logits }) => Float32Array.from([...side(logits, 0), ...side(logits, 1)])),
    labelIds: [],
    labels: scored.map(({ window: { positions } }) => Float32Array.from(positions)),
  }
}
