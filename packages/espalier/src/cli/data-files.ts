/** The rows that `--data` and its companions name. */
import { stat } from 'node:fs/promises'
import { EspalierError, siteKey } from '@espalier/core'
import { concatenateDatasets, type DataRow, type Dataset, loadDataset } from '@espalier/data'
import { UsageError } from './failure.js'
import { defined, type Values } from './values.js'

/** Rows to train on and rows to evaluate on. */
export interface RunData {
  readonly paths: readonly string[]
  readonly train: Dataset<DataRow>
  readonly evaluation: Dataset<DataRow> | undefined
  /** Files that the rows to evaluate on are read from: those of the training rows where some of them are held out. */
  readonly evaluationPaths: readonly string[]
}

const DEFAULT_SEED = 42 // transformers
const RANGE = 2 ** 32 // of a key

/** The data of a run. Throws UsageError for hub data sets and contradictions, data.file for files that are not there. */
export async function runData(values: Values): Promise<RunData> {
  const paths = await dataPaths(values, 'train')
  const all = datasetOf(paths, values)
  const [path, split] = [values.text('eval-data'), values.number('validation-split')]
  if (path !== undefined) await requireFile('eval-data', path)
  if (split === undefined)
    return {
      paths,
      train: all,
      evaluation: path === undefined ? undefined : datasetOf([path], values),
      evaluationPaths: path === undefined ? [] : [path],
    }
  if (path !== undefined) throw new UsageError('--eval-data and --validation-split both name the evaluation rows')
  if (!(split > 0 && split < 1)) throw new UsageError(`--validation-split is a share between 0 and 1, not ${split}`)
  const seed = values.number('seed') ?? DEFAULT_SEED
  // By the row's number, not its content: the same rows are held out in every run with this seed.
  const isHeldOut = (index: number) => siteKey(seed, index) / RANGE < split
  await requireBothParts(all, isHeldOut, split)
  return {
    paths,
    train: all.filter((_, index) => !isHeldOut(index)),
    evaluation: all.filter((_, index) => isHeldOut(index)),
    evaluationPaths: paths,
  }
}

// Read until both have a row, which is soon.
async function requireBothParts(
  rows: AsyncIterable<unknown>,
  isHeldOut: (index: number) => boolean,
  split: number,
): Promise<void> {
  const found = new Set<boolean>()
  let count = 0
  for await (const _ of rows) {
    found.add(isHeldOut(count++))
    if (found.size === 2) return
  }
  if (count === 0) return // told of the data themselves
  const missing = found.has(true) ? 'to train on' : 'to evaluate on'
  throw new UsageError(
    `--validation-split ${split} leaves no row of ${count} ${missing}`,
    'Give another share or another --seed, more rows, or rows of their own with --eval-data',
  )
}

/** The files of `--data`. Throws UsageError when there are none, or when one is a hub data set, data.file when one is not there. */
export async function dataPaths(values: Values, command: string): Promise<readonly string[]> {
  const paths = values.list('data')
  if (paths === undefined) throw new UsageError('--data is missing', `See espalier ${command} --help for an example`)
  for (const path of paths) await requireFile('data', path)
  return paths
}

async function requireFile(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === true) return
  if (found !== undefined)
    throw new EspalierError('data.file', {
      what: `--${option} names no file: rows are read more than once, which a folder, a pipe or a device does not allow`,
      got: { file: path },
      fix: 'Give a file; write what a pipe gives to one first.',
    })
  if (/^[\w.-]+(\/[\w.-]+)?$/.test(path) && !/\.(jsonl?|csv|tsv|txt|parquet)$/i.test(path))
    throw new UsageError(
      `--${option} ${path}: no file has this name, and data sets of the hub do not exist yet`,
      'Give a .jsonl, .json, .csv, .tsv or .txt file',
    )
  throw new EspalierError('data.file', {
    what: `there is no such file for --${option}`,
    got: { file: path },
    fix: 'Check the path.',
  })
}

/** One data set from one or more files, rows in order. */
export function datasetOf(paths: readonly string[], values: Values): Dataset<DataRow> {
  const [textField, promptField, completionField] = [
    values.text('text-field'),
    values.text('prompt-field'),
    values.text('completion-field'),
  ]
  // TRL's files often name its default, which says nothing about rows with prompts.
  const fields = defined({ textField: textField === 'text' ? undefined : textField, promptField, completionField })
  return concatenateDatasets(paths.map((path) => loadDataset<DataRow>(path, fields)))
}
