/** From texts to labels with scores: what transformers' text-classification pipeline does around a model. */
import { checkOptions, EspalierError, requireAwaited } from '@espalier/core'
import type { TextInput, Tokenizer } from '@espalier/data'
import type { ClassificationRow } from '@espalier/models'

/** What is classified: a text, two that belong together, or ids. */
export type ClassificationInput = TextInput | ClassificationRow

/** Options of `logits` and `predict`. */
export interface PredictOptions {
  readonly signal?: AbortSignal
}

/** What a text is. */
export interface Prediction {
  /** The likeliest label, by `id2label` of config.json. */
  readonly label: string
  /** Its score. */
  readonly score: number
  /** Scores of all labels. They sum to 1, unless config.json says that several labels may hold at once. */
  readonly scores: Readonly<Record<string, number>>
}

/** Texts as rows of ids, cut to what the model can read. Throws config.* for what is no list of texts and options that do not exist, tokenizer.*. */
export async function classificationRows(
  inputs: readonly ClassificationInput[],
  tokenizer: () => Promise<Tokenizer>,
  maxLength: number | null,
  options: PredictOptions = {},
): Promise<ClassificationRow[]> {
  checkOptions('predict', options, { signal: 'signal' })
  requireAwaited('inputs', inputs)
  if (!Array.isArray(inputs)) throw noTexts(typeof inputs)
  return Promise.all(
    (inputs as readonly ClassificationInput[]).map(async (input) => {
      if (typeof input === 'object' && input !== null && 'inputIds' in input) return input
      if (typeof input !== 'string' && !isPair(input)) throw noTexts(typeof input)
      const own = await tokenizer()
      const encoded = own.encode(input, maxLength === null ? {} : { truncation: true, maxLength })
      const { inputIds, attentionMask, tokenTypeIds } = encoded
      return { inputIds, attentionMask, ...(own.givesTokenTypes ? { tokenTypeIds } : {}) }
    }),
  )
}

/** Labels with scores of a row's logits. config: config.json. */
export function predictionOf(
  logits: Float32Array,
  labels: readonly string[] | null,
  config: Readonly<Record<string, unknown>>,
): Prediction {
  const values = scoresOf(logits, config.problem_type)
  const best = values.indexOf(Math.max(...values))
  const name = (index: number) => labels?.[index] ?? `LABEL_${index}` // transformers' names where there are none
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
  const largest = Math.max(...all)
  const powers = all.map((x) => Math.exp(x - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
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
