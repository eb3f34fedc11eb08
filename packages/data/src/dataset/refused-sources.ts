/** Sources of datasets' load_dataset and Dataset that are given in another form here: each is answered with that form. */
import { EspalierError } from '@espalier/core'
import { isDataFile } from './data-file.js'
import { extensionOf } from './formats.js'

/** Names of datasets' loaders, which take their files as `data_files`. */
const LOADERS = ['json', 'csv', 'text', 'parquet', 'arrow', 'xml', 'webdataset']

/** Throws config.unsupported for a loader's name and for files by `dataFiles`. */
export function refuseLoader(source: unknown, options: object): void {
  const { dataFiles, data_files: files = dataFiles } = options as { dataFiles?: unknown; data_files?: unknown }
  if (files === undefined && !(typeof source === 'string' && LOADERS.includes(source))) return
  const paths = pathsOf(files)
  throw new EspalierError('config.unsupported', {
    what: 'loadDataset takes the file itself; the kind is told by its name, or by format',
    got: { source, ...(files === undefined ? {} : { dataFiles: files }) },
    fix: paths.length > 1 ? JOIN_PATHS : `Give its path: ${loadOf(paths[0] ?? 'train.jsonl')}`,
  })
}

/** Throws config.value for an object that holds columns, or files by split. */
export function refuseObject(source: unknown): void {
  if (!isPlain(source)) return
  const [first] = Object.values(source)
  if (Array.isArray(first))
    throw new EspalierError('config.value', {
      what: 'rows are given one by one, not as columns',
      got: { columns: Object.keys(source) },
      fix: 'Make one object per row: loadDataset(texts.map((text, i) => ({ text, label: labels[i] })))',
    })
  if (typeof first === 'string')
    throw new EspalierError('config.value', {
      what: 'a data set is one split, of one file',
      got: { splits: Object.keys(source) },
      fix: `Load each by itself: ${loadOf(first)}`,
    })
}

/** Throws config.value for lists of files, data sets or texts: a list holds rows. */
export function refuseList(list: readonly unknown[]): void {
  const [first] = list
  const isFile = first instanceof URL || first instanceof Blob || isDataFile(first)
  const isPath = typeof first === 'string' && extensionOf(first) !== ''
  const isSet = typeof first === 'object' && first !== null && 'placedRows' in first
  if (isFile || isPath)
    throw new EspalierError('config.value', {
      what: 'a data set is loaded from one file',
      got: { files: list.length },
      fix: JOIN_PATHS,
    })
  if (isSet)
    throw new EspalierError('config.value', {
      what: 'this is a list of data sets, not of rows',
      got: { dataSets: list.length },
      fix: 'Join them: concatenateDatasets([a, b])',
    })
  if (typeof first === 'string')
    throw new EspalierError('config.value', {
      what: 'rows are objects with their columns by name',
      got: { found: 'string' },
      fix: 'Name the column: loadDataset(texts.map((text) => ({ text })))',
    })
}

const JOIN_PATHS = 'Load each file and join them: concatenateDatasets(paths.map((path) => loadDataset(path)))'

function loadOf(path: string): string {
  return `loadDataset('${path}')`
}

// data_files: a path, a list of them, or either by split.
function pathsOf(files: unknown): string[] {
  if (typeof files === 'string') return [files]
  if (Array.isArray(files)) return files.filter((file) => typeof file === 'string')
  return isPlain(files) ? pathsOf(Object.values(files)[0]) : []
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
