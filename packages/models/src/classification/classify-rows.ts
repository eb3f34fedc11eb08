/** Logits of labels, of whole rows or of every token, and hidden states: rows of ids in, one array per row out. Texts and names of labels are left to the caller. */
import { cast, EspalierError, passOf, sizeOf } from '@espalier/core'
import { requireFinite } from '../finite-logits.js'
import { EncoderDecoder } from '../heads/encoder-decoder.js'
import {
  type ClassificationRow,
  type ClassificationSource,
  type RowOptions,
  requireHead,
  runRows,
} from './row-batches.js'

/** Logits by label, one array per row, in order. Throws config.value for rows that the model cannot read, model.unsupported for another head, prediction.finite for logits that are no numbers, or the signal's reason. */
export async function classifyRows(
  source: ClassificationSource,
  rows: readonly ClassificationRow[],
  options: RowOptions = {},
): Promise<Float32Array[]> {
  const what = 'only models with a head for whole texts classify them'
  requireHead(source.model, ['SEQ_CLS'], what, 'AutoModelForSequenceClassification')
  return logitsOf(source, rows, options)
}

/**
 * Logits (ids, labels) of each row, in order, padding left out: by label of a token classification head, of start and end of one that
 * finds answers. Throws config.value for rows that the model cannot read, model.unsupported for another head, prediction.finite for logits that are no numbers, or the signal's reason.
 */
export async function classifyTokens(
  source: ClassificationSource,
  rows: readonly ClassificationRow[],
  options: RowOptions = {},
): Promise<Float32Array[]> {
  const what = 'only models with a head for tokens, or for answers, classify tokens'
  const classes = 'AutoModelForTokenClassification or AutoModelForQuestionAnswering'
  requireHead(source.model, ['TOKEN_CLS', 'QUESTION_ANS'], what, classes)
  return logitsOf(source, rows, options)
}

/** Last hidden states (ids, size) of each row, in order, padding left out. Throws config.value for rows that the model cannot read, model.unsupported for a model with a head or a decoder beside its encoder, prediction.finite for states that are no numbers, or the signal's reason. */
export async function encodeRows(
  source: ClassificationSource,
  rows: readonly ClassificationRow[],
  options: RowOptions = {},
): Promise<Float32Array[]> {
  requireHead(source.model, ['FEATURE_EXTRACTION'], 'only models without a head give hidden states', 'AutoModel')
  if (source.model instanceof EncoderDecoder)
    throw new EspalierError('model.unsupported', {
      what: 'the last hidden states of an encoder-decoder are its decoder’s, which stand for no text that it reads',
      got: { class: source.model.className },
      fix: 'Use a model that is an encoder alone, such as one that was saved from T5EncoderModel',
    })
  return logitsOf(source, rows, options)
}

async function logitsOf(
  source: ClassificationSource,
  rows: readonly ClassificationRow[],
  options: RowOptions,
): Promise<Float32Array[]> {
  const found = new Array<Float32Array>(rows.length)
  await runRows(
    source,
    rows,
    {
      name: 'classify',
      outputs: (model, inputs) => {
        const { ids, context } = passOf(inputs, model.causal)
        return { logits: cast(model.forward(ids, context), 'f32') }
      },
      take: ({ logits }, { batch, indices }) => {
        const { shape = [], data } = logits ?? {}
        const [, ...rest] = shape // (labels), or (length, labels)
        const labels = shape.at(-1) as number
        for (const [i, index] of indices.entries()) {
          const from = i * sizeOf(rest)
          const size = rest.length === 1 ? labels : (batch[i] as ClassificationRow).inputIds.length * labels
          const own = (data as Float32Array).slice(from, from + size)
          requireFinite('prediction.finite', own)
          found[index] = own
        }
      },
    },
    options,
  )
  return found
}
