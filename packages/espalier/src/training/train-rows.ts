/** What trainers take as rows: whatever loadDataset takes, or a data set. */
import { EspalierError, requireAwaited } from '@espalier/core'
import { type DataRow, type Dataset, type FileSource, loadDataset, type MakeRows } from '@espalier/data'

/** Rows to train on: a data set, the path of a file or the file itself, anything that can be gone through, or a function that makes it. */
export type TrainRows = Dataset<DataRow> | FileSource | Iterable<object> | AsyncIterable<object> | MakeRows<object>

/** The rows as a data set. argument: where they were given, for messages. Throws config.value for what has no rows, data.file for a file of unknown kind. */
export function datasetOf(argument: string, rows: TrainRows): Dataset<DataRow> {
  if (typeof rows === 'string' || rows instanceof URL) return loadDataset(rows)
  const given: unknown = rows // plain JavaScript may give anything
  requireAwaited(argument, given)
  if (typeof given === 'function') return loadDataset(rows as MakeRows<DataRow>)
  if (typeof given !== 'object' || given === null) throw noRows(argument, given)
  if ('placedRows' in given) return given as Dataset<DataRow>
  if (Symbol.iterator in given || Symbol.asyncIterator in given || given instanceof Blob || 'byteLength' in given)
    return loadDataset(rows as Iterable<DataRow>)
  throw noRows(argument, given)
}

function noRows(argument: string, given: unknown): EspalierError {
  const splits = typeof given === 'object' && given !== null ? Object.entries(given) : []
  const split = splits.find(([, part]) => typeof part === 'object' && part !== null && 'placedRows' in part)?.[0]
  return new EspalierError('config.value', {
    what: `${argument} has no rows to go through`,
    got: { [argument]: typeof given === 'object' && given !== null ? Object.keys(given) : given },
    fix:
      split !== undefined
        ? `Give one of them: ${argument}: splits.${split}`
        : 'Give the path of a .jsonl, .json, .csv, .tsv or .txt file, rows, or what loadDataset returns',
  })
}
