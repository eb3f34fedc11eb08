/** Logits of whole rows by a sequence classification head: rows of ids in, one logit per label out. Texts and names of labels are left to the caller. */
import {
  type Backend,
  cast,
  EspalierError,
  feed,
  type HostTensor,
  hostTensor,
  type Model,
  type Program,
  passOf,
  programSlots,
  type StateBinding,
  type WeightSet,
} from '@espalier/core'
import { promptBucket } from '../generation/buckets.js'
import { retire } from '../generation/idle-programs.js'

/** A model that runs, and what fills its rows up. */
export interface ClassificationSource {
  readonly model: Model
  readonly backend: Backend
  readonly weights: WeightSet
  readonly state?: readonly StateBinding[]
  /** Fills rows up. Without one every row runs by itself: a head on the last token finds it by this id. */
  readonly padTokenId?: number | undefined
}

/** One row. */
export interface ClassificationRow {
  readonly inputIds: readonly number[]
  /** Default: all ids count. */
  readonly attentionMask?: readonly number[]
  /** Default: 0 where another row has some. Where none has, the model is given none. */
  readonly tokenTypeIds?: readonly number[]
}

const MOST_ROWS = 8 // at once: what a CPU gains by more is little

/** Logits by label, one array per row, in order. Throws config.value for rows that the model cannot read, model.unsupported for another head, or the signal's reason. */
export async function classifyRows(
  source: ClassificationSource,
  rows: readonly ClassificationRow[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Float32Array[]> {
  const { model, padTokenId } = source
  if (model.task !== 'SEQ_CLS')
    throw new EspalierError('model.unsupported', {
      what: 'only models with a head for whole texts classify them',
      got: { task: model.task },
      fix: 'Load it with AutoModelForSequenceClassification',
    })
  for (const [index, row] of rows.entries()) requireReadable(model, row, index)
  const logits = new Array<Float32Array>(rows.length)
  // Rows of about one length run together, so that little is padding.
  const order = rows.map((_, index) => index).sort((a, b) => lengthOf(rows, a) - lengthOf(rows, b))
  const together = padTokenId === undefined ? 1 : MOST_ROWS
  for (let at = 0; at < order.length; at += together) {
    signal?.throwIfAborted()
    const numbers = order.slice(at, at + together)
    const batch = numbers.map((index) => rows[index] as ClassificationRow)
    const found = await run(source, batch, signal)
    const labels = found.shape[1] as number
    for (const [i, index] of numbers.entries())
      logits[index] = (found.data as Float32Array).slice(i * labels, (i + 1) * labels)
  }
  return logits
}

function lengthOf(rows: readonly ClassificationRow[], index: number): number {
  return rows[index]?.inputIds.length ?? 0
}

function requireReadable({ sizes }: Model, row: ClassificationRow, index: number): void {
  const { inputIds, attentionMask = inputIds, tokenTypeIds = inputIds } = row
  const { vocabularySize, maxPositions } = sizes
  const foreign = inputIds.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabularySize))
  const fits = inputIds.length > 0 && inputIds.length <= (maxPositions ?? Number.POSITIVE_INFINITY)
  const isEven = attentionMask.length === inputIds.length && tokenTypeIds.length === inputIds.length
  if (fits && isEven && foreign === undefined) return
  throw new EspalierError('config.value', {
    what: 'a row is not one that the model can read: ids of its vocabulary, as many as it has positions at most, mask and types of their length',
    got: {
      row: index,
      ids: inputIds.length,
      maxPositions,
      ...(foreign === undefined ? {} : { id: foreign, vocabularySize }),
    },
  })
}

/** Logits (rows, labels) f32; rows of padding stand at the end. */
async function run(
  { model, backend, weights, state = [], padTokenId }: ClassificationSource,
  batch: readonly ClassificationRow[],
  signal: AbortSignal | undefined,
): Promise<HostTensor> {
  const longest = Math.max(...batch.map(({ inputIds }) => inputIds.length))
  const length = padTokenId === undefined ? longest : promptBucket(longest, model.sizes.maxPositions)
  const rows = 2 ** Math.ceil(Math.log2(batch.length))
  const filled = (values: (row: ClassificationRow) => readonly number[], fill: number) => {
    const data = new Int32Array(rows * length).fill(fill)
    for (const [i, row] of batch.entries()) data.set(values(row), i * length)
    return hostTensor('i32', [rows, length], data)
  }
  const mask = filled(({ inputIds, attentionMask }) => attentionMask ?? inputIds.map(() => 1), 0)
  // A row of padding sees its first token: attention over nothing is no number.
  for (let row = batch.length; row < rows; row++) mask.data[row * length] = 1
  const feeds: Readonly<Record<string, HostTensor>> = {
    input_ids: filled(({ inputIds }) => inputIds, padTokenId ?? 0),
    attention_mask: mask,
    token_type_ids: filled(({ tokenTypeIds }) => tokenTypeIds ?? [], 0),
  }
  const hasTypes = batch.some(({ tokenTypeIds }) => tokenTypeIds !== undefined)
  const program = classificationProgram(model, rows, length, hasTypes)
  const wanted = programSlots(program).feed // not every model reads types
  const executable = await backend.compile(program, { weights, ...(signal === undefined ? {} : { signal }) })
  try {
    const { logits } = await executable.run({
      feeds: Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
      state,
    })
    return logits as HostTensor
  } finally {
    retire(weights, executable)
  }
}

// Trees are immutable, so a tree's programs never change; they go when the tree goes.
const traced = new WeakMap<Model, Map<string, Program>>()

function classificationProgram(model: Model, rows: number, length: number, hasTypes: boolean): Program {
  const programs = traced.get(model) ?? new Map<string, Program>()
  traced.set(model, programs)
  const key = `${rows} ${length} ${hasTypes}`
  const program = programs.get(key) ?? trace(model, rows, length, hasTypes)
  programs.set(key, program)
  return program
}

function trace(model: Model, rows: number, length: number, hasTypes: boolean): Program {
  const inputs = Object.fromEntries(
    ['input_ids', 'attention_mask', ...(hasTypes ? ['token_type_ids'] : [])].map((name) => [
      name,
      feed(name, 'i32', [rows, length]),
    ]),
  )
  const { ids, context } = passOf(inputs, model.causal)
  return { name: 'classify', outputs: { logits: cast(model.forward(ids, context), 'f32') } }
}
