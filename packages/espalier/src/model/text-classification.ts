/** From texts to labels with scores: what transformers' text-classification pipeline does around a model. */
import { EspalierError } from '@espalier/core'
import type { TextInput } from '@espalier/data'
import { type ClassificationRow, classifyRows } from '@espalier/models'
import { labelName, type PredictContext, type PredictOptions } from './predict-options.js'
import { softmax } from './softmax.js'

/** What is classified: a text, two that belong together, or ids. */
export type ClassificationInput = TextInput | ClassificationRow

/** What a text is. */
export interface Prediction {
  /** The likeliest label, by `id2label` of config.json. */
  readonly label: string
  /** Its score. */
  readonly score: number
  /** Scores of all labels. They sum to 1, unless config.json says that several labels may hold at once. */
  readonly scores: Readonly<Record<string, number>>
}

/** Labels with scores of each text. Throws what `textLogits` throws. */
export async function classifyTexts(
  context: PredictContext,
  inputs: readonly ClassificationInput[],
  options: PredictOptions,
): Promise<Prediction[]> {
  const found = await textLogits(context, inputs, options)
  return found.map((logits) => predictionOf(logits, context.labels, context.config))
}

/** Logits by label of each text; longer texts than the model can read are cut. Throws config.value for what is no list of texts, model.unsupported for another head, tokenizer.*, or the signal's reason. */
export async function textLogits(
  { model, source, tokenizer }: PredictContext,
  inputs: readonly ClassificationInput[],
  { maxLength = model.sizes.maxPositions ?? undefined, signal }: PredictOptions,
): Promise<Float32Array[]> {
  if (!Array.isArray(inputs)) throw noTexts(typeof inputs)
  const rows = await Promise.all(
    (inputs as readonly ClassificationInput[]).map(async (input) => {
      if (typeof input === 'object' && input !== null && 'inputIds' in input) return input
      if (typeof input !== 'string' && !isPair(input)) throw noTexts(typeof input)
      const own = await tokenizer()
      const encoded = own.encode(input, maxLength === undefined ? {} : { truncation: true, maxLength })
      const { inputIds, attentionMask, tokenTypeIds } = encoded
      return { inputIds, attentionMask, ...(own.givesTokenTypes ? { tokenTypeIds } : {}) }
    }),
  )
  return classifyRows(await source(), rows, { signal })
}

/** Labels with scores of a row's logits. config: config.json. Throws model.config where two labels have one name, by which only one could be given. */
export function predictionOf(
  logits: Float32Array,
  labels: readonly string[] | null,
  config: Readonly<Record<string, unknown>>,
): Prediction {
  const values = scoresOf(logits, config.problem_type)
  const best = values.indexOf(Math.max(...values))
  const name = (index: number) => labelName(labels, index)
  const twice = values.findIndex((_, index) => labels?.indexOf(name(index)) !== labels?.lastIndexOf(name(index)))
  if (twice >= 0)
    throw new EspalierError('model.config', {
      what: 'two labels of id2label have one name, and scores go by name',
      got: { label: name(twice), labels },
      fix: 'Load the model with { labels: [...] } that tell them apart, or take logits',
    })
  return {
    label: name(best),
    score: values[best] as number,
    scores: Object.fromEntries(values.map((score, index) => [name(index), score])),
  }
}

// As transformers chooses: one number of a regression stays, labels that hold at once are each by themselves.
function scoresOf(logits: Float32Array, problem: unknown): number[] {
  const all = [...logits]
  if (problem === 'regression') return all
  if (problem === 'multi_label_classification' || all.length === 1) return all.map((x) => 1 / (1 + Math.exp(-x)))
  return softmax(all)
}

function isPair(input: unknown): boolean {
  return Array.isArray(input) && input.length === 2 && input.every((text) => typeof text === 'string')
}

function noTexts(found: string): EspalierError {
  return new EspalierError('config.value', {
    what: 'there are no texts to classify',
    got: { found },
    fix: 'Give a text, or a list of texts, of pairs of texts, or of { inputIds }',
  })
}
