/** `espalier predict`: what a model's head says of each row, as JSON lines. */
import { didYouMean, EspalierError, type TaskType } from '@espalier/core'
import type { DataRow } from '@espalier/data'
import type { Pooling, PredictOptions } from '../model/predict-options.js'
import type { RuntimeModel } from '../model/runtime-model.js'
import { answerSettings } from './answer-settings.js'
import { dataPaths, datasetOf } from './data-files.js'
import { UsageError } from './failure.js'
import { outputFile, writeLines } from './line-output.js'
import { loadWithHead } from './load.js'
import { onPipeClosed, Progress } from './terminal.js'
import { defined, type Values } from './values.js'

const ROWS_TOGETHER = 64 // enough to sort by length, few enough to be told soon

/** Runs the command; its exit code. */
export async function predict(values: Values): Promise<number> {
  const paths = await dataPaths(values, 'predict')
  const file = await outputFile(values, paths)
  const progress = new Progress(values.flag('quiet') === true)
  const abort = new AbortController()
  let unread = false
  if (file === undefined)
    onPipeClosed(() => {
      unread = true
      abort.abort(new Error('nobody reads'))
    })
  try {
    const model = await loadWithHead(values, progress, abort.signal)
    try {
      const head = headOf(model.model.task, values)
      const options = { ...optionsOf(values), signal: abort.signal }
      const rows = datasetOf(paths, values).placedRows()
      await writeLines(linesOf({ model, head, options, rows, paths, progress }), file, abort.signal)
      progress.clear()
      if (file !== undefined) progress.line(`predictions: ${file}`)
      return 0
    } finally {
      await model.close()
    }
  } catch (error) {
    progress.clear()
    if (unread) return 0
    throw error
  } finally {
    progress.end()
  }
}

interface Predicting {
  readonly model: RuntimeModel
  readonly head: HeadLines
  readonly options: PredictOptions
  readonly rows: AsyncIterable<PlacedRow>
  readonly paths: readonly string[]
  readonly progress: Progress
}

async function* linesOf({ model, head, options, rows, paths, progress }: Predicting): AsyncGenerator<string> {
  let done = 0
  for await (const part of inParts(rows)) {
    const found = await head(model, part, options)
    progress.clear()
    for (const [i, one] of found.entries()) yield JSON.stringify({ ...idOf(part[i]?.row), ...one })
    done += part.length
    progress.update(`predicting: ${done.toLocaleString('en-US')} rows`)
  }
  if (done === 0) throw new EspalierError('data.empty', { what: 'the data has no rows', got: { source: paths } })
}

interface PlacedRow {
  readonly row: DataRow
  readonly label: string
}

type Line = object
type HeadLines = (model: RuntimeModel, rows: readonly PlacedRow[], options: PredictOptions) => Promise<readonly Line[]>

function headOf(task: TaskType, values: Values): HeadLines {
  const textField = values.text('text-field') ?? 'text'
  switch (task) {
    case 'SEQ_CLS':
      return (model, rows, options) =>
        model.predict(
          rows.map(({ row, label }) => textsOf(row, label, textField)),
          options,
        )
    case 'TOKEN_CLS':
      return async (model, rows, options) =>
        await model.predict(
          rows.map(({ row, label }) => ({ tokens: columnsOf(row, label, ['tokens']).tokens as string[] })),
          options,
        )
    case 'QUESTION_ANS':
      return answerLines
    case 'MASKED_LM':
      return async (model, rows, options) => {
        const masked = rows.map(({ row, label }) => ({ masked: textColumns(row, label, [textField])[0] as string }))
        const found = await model.predict(masked, options)
        return found.map((masks) => ({
          masks: masks.map((tokens) =>
            tokens.map(({ token, tokenStr, score, sequence }) => ({ token, token_str: tokenStr, score, sequence })),
          ),
        }))
      }
    case 'CAUSAL_LM':
    case 'SEQ_2_SEQ_LM':
      throw new UsageError('predict is for models with a head; this one writes text', 'Use espalier generate')
    case 'FEATURE_EXTRACTION':
      return async (model, rows, options) => {
        const texts = rows.map(({ row, label }) => ({ text: textsOf(row, label, textField) }))
        const found = await model.predict(texts, options)
        return found.map(({ embedding }) => ({ embedding: Array.from(embedding, digits) }))
      }
  }
}

// As many digits as tell a 32-bit float from all others.
const digits = (value: number) => Number(value.toPrecision(9))

const answerLines: HeadLines = async (model, rows, options) => {
  const inputs = rows.map(({ row, label }) => columnsOf(row, label, ['question', 'context']))
  const found = await model.predict(inputs as { question: string; context: string }[], options)
  return found.map(({ answer, score, start, end, scoreDiff }, i) => {
    // Characters, as SQuAD's answer_start counts them.
    const characters = (units: number) => [...String(inputs[i]?.context).slice(0, units)].length
    const difference = scoreDiff === undefined ? {} : { score_diff: scoreDiff }
    return { answer, score, start: characters(start), end: characters(end), ...difference }
  })
}

function textsOf(row: DataRow, place: string, textField: string): string | [string, string] {
  const isPair = 'sentence1' in row && !(textField in row)
  const columns = isPair ? ['sentence1', 'sentence2'] : [textField]
  const [first, second] = textColumns(row, place, columns)
  return second === undefined ? (first as string) : [first as string, second]
}

/** Throws data.shape as `columnsOf`, data.row for what is no text. */
function textColumns(row: DataRow, place: string, columns: readonly string[]): string[] {
  const own = columnsOf(row, place, columns)
  return columns.map((field) => {
    const value = own[field]
    if (typeof value === 'string') return value
    throw new EspalierError('data.row', {
      what: 'a field of a row is not text',
      got: { row: place, field, found: value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value },
      fix: 'Correct or remove that row.',
    })
  })
}

/** The columns of a row. Throws data.shape, naming those that there are and the nearest. */
function columnsOf(row: DataRow, place: string, wanted: readonly string[]): DataRow {
  const missing = wanted.find((column) => !(column in row))
  if (missing === undefined) return row
  const columns = Object.keys(row)
  throw new EspalierError('data.shape', {
    what: `the rows have no column ${missing}`,
    got: { row: place, columns },
    fix: didYouMean(missing, columns, `Rename a column to ${missing}, or name it with --text-field where it is a text`),
  })
}

function idOf(row: DataRow | undefined): Line {
  return row !== undefined && 'id' in row ? { id: row.id } : {}
}

function optionsOf(values: Values): PredictOptions {
  const [maxLength, topK] = [values.maxLength() ?? undefined, values.number('top-k')]
  const pooling = values.text('pooling') as Pooling | undefined
  return { ...answerSettings(values), ...defined({ maxLength, topK, pooling }) }
}

async function* inParts(rows: AsyncIterable<PlacedRow>): AsyncGenerator<readonly PlacedRow[]> {
  let part: PlacedRow[] = []
  for await (const row of rows) {
    part.push(row)
    if (part.length < ROWS_TOGETHER) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}
