/** Which head a checkpoint is trained with, and its labels, where the caller does not say all of it: by its configuration and by the rows. */
import { EspalierError, type TaskType } from '@espalier/core'
import { type DataRow, type Dataset, type FoundLabels, findLabels } from '@espalier/data'
import { type HfConfig, type HubOptions, type ProblemType, type Source, savedTask } from '@espalier/serialization'
import { type Checkpoint, readCheckpoint, writingTask } from './read-checkpoint.js'

/** A head to train. */
export interface HeadToTrain {
  /** Undefined where loading the model tells. */
  readonly task: TaskType | undefined
  /** Labels of the head, where the checkpoint does not tell them. */
  readonly labels?: readonly string[] | number
  readonly problemType?: ProblemType
  /** What the task was taken from, in words; undefined where the caller named it. */
  readonly because?: string
  /** Where Python's scripts would have other labels, in words. */
  readonly note?: string
}

/** What is known besides the checkpoint. */
export interface HeadRequest extends Omit<HubOptions, 'onProgress'> {
  readonly task: TaskType | undefined
  /** Number of labels. */
  readonly numLabels: number | undefined
  /** Rows to train on, and to evaluate on. */
  readonly rows: readonly Dataset<DataRow>[]
}

/**
 * The task that is asked for, or else the one that the checkpoint was saved for. Of one without a head, or with one that fills in masks,
 * rows with labels or answers tell the head that they are for. A new head has the labels that the rows have. Throws config.value where
 * neither tells a head or there are more labels than asked for, data.unsupervised where all rows have one label, and what reading config.json or the rows throws.
 */
export async function headToTrain(source: Source, request: HeadRequest): Promise<HeadToTrain> {
  const checkpoint = await readCheckpoint(source, request)
  if (checkpoint === undefined) return { task: request.task }
  const given = request.task === undefined ? undefined : { task: request.task }
  const head = given ?? (await unnamedHead(checkpoint, request.rows[0]))
  const { task } = head
  if (task !== 'SEQ_CLS' && task !== 'TOKEN_CLS') return head
  const isSaved = checkpoint.task === task
  return { ...head, ...(await labelsFor(checkpoint.config, request, { task, isSaved })) }
}

async function unnamedHead(
  { config, architecture, task: likely, file }: Checkpoint,
  rows: Dataset<DataRow> | undefined,
): Promise<HeadToTrain & { readonly task: TaskType }> {
  const { architectures } = config
  const { tasks } = architecture
  const isOpen = likely === 'FEATURE_EXTRACTION' || likely === 'MASKED_LM'
  const told = isOpen && rows !== undefined ? await headOfRows(rows) : undefined
  if (told !== undefined && tasks.includes(told.task)) return told
  const saved = savedTask(config, architecture, file)
  if (saved !== 'FEATURE_EXTRACTION') return { task: saved, because: architectures[0] ?? 'what such models are for' }
  const writing = writingTask(architecture)
  if (writing !== undefined) return { task: writing, because: 'what such models are for' }
  throw new EspalierError('config.value', {
    what: 'the checkpoint has no head, and the rows do not tell which one they are to train',
    got: { file, architectures, tasks },
    fix: 'Give a taskType',
  })
}

const COLUMNS: readonly (readonly [TaskType, readonly string[]])[] = [
  ['QUESTION_ANS', ['question', 'context', 'answers']],
  ['TOKEN_CLS', ['tokens', 'labels']],
  ['TOKEN_CLS', ['tokens', 'ner_tags']],
  ['SEQ_CLS', ['sentence1', 'sentence2', 'label']],
]

/** The head that rows with these columns are for; undefined where the first row tells of none. */
async function headOfRows(
  rows: Dataset<DataRow>,
): Promise<(Required<Pick<HeadToTrain, 'because'>> & { readonly task: TaskType }) | undefined> {
  const { textField = 'text' } = rows.fieldOptions
  const known = [...COLUMNS, ['SEQ_CLS', [textField, 'label']], ['SEQ_CLS', [textField, 'labels']]] as typeof COLUMNS
  for await (const { row } of rows.placedRows()) {
    const found = known.find(([, columns]) => columns.every((column) => column in row))
    return found && { task: found[0], because: `rows with ${found[1].join(', ')}` }
  }
  return undefined
}

async function labelsFor(
  config: HfConfig,
  { rows, numLabels, signal }: HeadRequest,
  { task, isSaved }: { readonly task: TaskType; readonly isSaved: boolean },
): Promise<Pick<HeadToTrain, 'labels' | 'problemType' | 'note'>> {
  if (isSaved && config.labels !== null && (numLabels === undefined || numLabels === config.labels.length)) return {}
  if (task === 'SEQ_CLS' && numLabels === 1) return { labels: 1, problemType: 'regression' } // numbers of any size
  const of = task === 'TOKEN_CLS' ? 'token' : 'row'
  const found = await findLabels(rows, { of, ...(signal === undefined ? {} : { signal }) })
  // What is wrong with the rows is said of the first that is.
  if (found === undefined || (found.kind === 'numbers' && of === 'token'))
    return numLabels === undefined ? {} : { labels: numLabels }
  const { kind, names } = found
  const count = numLabels ?? found.count
  if (kind === 'numbers') return { labels: count, problemType: 'regression' }
  if (kind === 'several') return { labels: count, problemType: 'multi_label_classification' }
  if (isSaved && names === null && numLabels === undefined) return {} // transformers' two
  if (found.count > count)
    throw new EspalierError('config.value', {
      what: 'the rows have more labels than the head is to have',
      got: { numLabels, labels: names ?? found.count },
      fix: 'Leave numLabels out',
    })
  if (count === 1)
    throw new EspalierError('data.unsupervised', {
      what: 'all rows have the same label: there is nothing to tell apart',
      got: { source: rows.map(({ name }) => name), labels: names ?? [0] },
      fix: 'Give rows with other labels, or say how many there are: numLabels',
    })
  if (names === null) return { labels: count, ...noteOf(found) }
  if (names.every((name) => config.labels?.includes(name)) && numLabels === undefined) return {}
  return { labels: Array.from({ length: count }, (_, label) => names[label] ?? `LABEL_${label}`) }
}

function noteOf({ count, unused }: FoundLabels): Pick<HeadToTrain, 'note'> {
  if (unused === 0) return {}
  return {
    note: `labels are taken as they are numbered, 0 to ${count - 1}, of which no row has ${unused}; transformers’ run_classification and run_ner would number the ${count - unused} that rows have from 0 on`,
  }
}
