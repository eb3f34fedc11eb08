/** From words to a label each: the label of a word's first token, as transformers' run_ner aligns them. */
import { EspalierError } from '@espalier/core'
import { pieceRows } from '@espalier/data'
import { classifyTokens } from '@espalier/models'
import { labelName, type PredictContext, type PredictOptions } from './predict-options.js'
import { softmax } from './softmax.js'

/** A text as words. */
export interface WordsInput {
  readonly tokens: readonly string[]
}

/** The labels of a text's words. */
export interface WordLabels {
  readonly tokens: readonly string[]
  /** One for each word, by `id2label` of config.json; null of a word that the tokenizer makes nothing of. */
  readonly labels: readonly (string | null)[]
  /** The probability of each. */
  readonly scores: readonly (number | null)[]
}

/** The labels, in order; a text that is longer than the model reads goes through it in parts. Throws config.value for what is no list of words, model.unsupported for another head, or the signal's reason. */
export async function labelWords(
  { model, source, tokenizer, labels: names }: PredictContext,
  inputs: readonly WordsInput[],
  { maxLength = model.sizes.maxPositions ?? undefined, signal }: PredictOptions,
): Promise<WordLabels[]> {
  for (const input of inputs) requireWords(input)
  const own = await tokenizer()
  const rows = inputs.flatMap(({ tokens }, input) =>
    pieceRows(tokens, own, maxLength ?? own.modelMaxLength).map((row) => ({ ...row, input })),
  )
  const logits = await classifyTokens(await source(), rows, { signal })
  const found = inputs.map(({ tokens }) => ({
    tokens,
    labels: new Array<string | null>(tokens.length).fill(null),
    scores: new Array<number | null>(tokens.length).fill(null),
  }))
  for (const [i, { input, inputIds, firstOf }] of rows.entries()) {
    const values = logits[i] as Float32Array
    const size = values.length / inputIds.length
    for (const [word, place] of firstOf) {
      const scores = softmax(values.subarray(place * size, (place + 1) * size))
      const best = scores.indexOf(Math.max(...scores))
      const { labels, scores: kept } = found[input] as (typeof found)[number]
      labels[word] = labelName(names, best)
      kept[word] = scores[best] as number
    }
  }
  return found
}

function requireWords({ tokens }: WordsInput): void {
  if (Array.isArray(tokens) && tokens.every((word) => typeof word === 'string')) return
  throw new EspalierError('config.value', {
    what: 'there are no words to label',
    got: { tokens: typeof tokens },
    fix: 'Give { tokens: [...] }, a list of words',
  })
}
