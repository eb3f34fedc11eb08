/** Rows of ids through a model in batches of about one length, whatever its head: what heads make of them is left to the caller. */
import {
  type Backend,
  EspalierError,
  feed,
  type HostTensor,
  hostTensor,
  type Model,
  type ModelInputs,
  type Program,
  programSlots,
  type StateBinding,
  type TaskType,
  type Tensor,
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

/** How long a call may take. */
export interface RowOptions {
  readonly signal?: AbortSignal | undefined
}

/** Rows that run together; `rows` and `length` have room for all of them, and padding stands at the end. */
export interface RowBatch<Row extends ClassificationRow> {
  readonly batch: readonly Row[]
  /** Their places among all rows. */
  readonly indices: readonly number[]
  readonly rows: number
  readonly length: number
}

/** What is computed of a batch. */
export interface BatchProgram<Row extends ClassificationRow> {
  /** What is traced, so that batches of one shape share it. */
  readonly name: string
  /** Feeds besides ids, mask and types. */
  feeds?(batch: RowBatch<Row>): Readonly<Record<string, HostTensor>>
  outputs(model: Model, inputs: ModelInputs): Readonly<Record<string, Tensor>>
  take(outputs: Readonly<Record<string, HostTensor>>, batch: RowBatch<Row>): void
}

const MOST_ROWS = 8 // at once: what a CPU gains by more is little

/** Runs all rows. Throws config.value for rows that the model cannot read, or the signal's reason. */
export async function runRows<Row extends ClassificationRow>(
  source: ClassificationSource,
  rows: readonly Row[],
  program: BatchProgram<Row>,
  { signal }: RowOptions = {},
): Promise<void> {
  const { model, padTokenId } = source
  for (const [index, row] of rows.entries()) requireReadable(model, row, index)
  // Rows of about one length run together, so that little is padding.
  const lengthOf = (index: number) => (rows[index] as Row).inputIds.length
  const order = rows.map((_, index) => index).sort((a, b) => lengthOf(a) - lengthOf(b))
  const together = padTokenId === undefined ? 1 : MOST_ROWS
  for (let at = 0; at < order.length; at += together) {
    signal?.throwIfAborted()
    const indices = order.slice(at, at + together)
    const batch = indices.map((index) => rows[index] as Row)
    const longest = Math.max(...batch.map(({ inputIds }) => inputIds.length))
    const room = {
      rows: 2 ** Math.ceil(Math.log2(batch.length)),
      length: padTokenId === undefined ? longest : promptBucket(longest, model.sizes.maxPositions),
    }
    const whole = { batch, indices, ...room }
    program.take(await runBatch(source, whole, program, signal), whole)
  }
}

/** Throws model.unsupported for a model with another head. */
export function requireHead({ task }: Model, tasks: readonly TaskType[], what: string, autoClass: string): void {
  if (tasks.includes(task)) return
  throw new EspalierError('model.unsupported', { what, got: { task }, fix: `Load it with ${autoClass}` })
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

async function runBatch<Row extends ClassificationRow>(
  { model, backend, weights, state = [], padTokenId }: ClassificationSource,
  whole: RowBatch<Row>,
  computed: BatchProgram<Row>,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, HostTensor>>> {
  const { batch, rows, length } = whole
  const filled = (values: (row: ClassificationRow) => readonly number[], fill: number) => {
    const data = new Int32Array(rows * length).fill(fill)
    for (const [i, row] of batch.entries()) data.set(values(row), i * length)
    return hostTensor('i32', [rows, length], data)
  }
  const mask = filled(({ inputIds, attentionMask }) => attentionMask ?? inputIds.map(() => 1), 0)
  // A row of padding sees its first token: attention over nothing is no number.
  for (let row = batch.length; row < rows; row++) mask.data[row * length] = 1
  const hasTypes = batch.some(({ tokenTypeIds }) => tokenTypeIds !== undefined)
  const feeds: Readonly<Record<string, HostTensor>> = {
    input_ids: filled(({ inputIds }) => inputIds, padTokenId ?? 0),
    attention_mask: mask,
    ...(hasTypes ? { token_type_ids: filled(({ tokenTypeIds }) => tokenTypeIds ?? [], 0) } : {}),
    ...computed.feeds?.(whole),
  }
  const program = tracedProgram(model, computed, feeds)
  const wanted = programSlots(program).feed // not every model reads types
  const executable = await backend.compile(program, { weights, ...(signal === undefined ? {} : { signal }) })
  try {
    return await executable.run({
      feeds: Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
      state,
    })
  } finally {
    retire(weights, executable)
  }
}

// Trees are immutable, so a tree's programs never change; they go when the tree goes.
const traced = new WeakMap<Model, Map<string, Program>>()

function tracedProgram(
  model: Model,
  { name, outputs }: Pick<BatchProgram<never>, 'name' | 'outputs'>,
  feeds: Readonly<Record<string, HostTensor>>,
): Program {
  const programs = traced.get(model) ?? new Map<string, Program>()
  traced.set(model, programs)
  const key = `${name} ${Object.entries(feeds).map(([of, { shape }]) => `${of} ${shape.join(',')}`)}`
  const make = (): Program => {
    const inputs = Object.entries(feeds).map(([of, { dtype, shape }]) => [of, feed(of, dtype, shape)] as const)
    return { name, outputs: outputs(model, Object.fromEntries(inputs)) }
  }
  const program = programs.get(key) ?? make()
  programs.set(key, program)
  return program
}
