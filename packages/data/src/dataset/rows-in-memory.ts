/** Rows that a program has or makes: lists of them, iterators, and functions that make either. */
import { EspalierError } from '@espalier/core'
import { copiedRow } from './copied-row.js'
import { type Dataset, datasetOf } from './dataset.js'
import { asRow } from './formats.js'
import type { PlacedRow } from './row-source.js'
import type { FieldOptions } from './shape.js'

/** What can be gone through for rows. */
export type RowsToPass<Row> = Iterable<Row> | AsyncIterable<Row>

/** A function that makes rows anew for each pass: a generator function, say. */
export type MakeRows<Row> = () => RowsToPass<Row> | Promise<RowsToPass<Row>>

/** Whether a value can be gone through. */
export function isIterable(value: unknown): value is RowsToPass<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}

/** The data set of rows. While they are read it throws data.json for what is no row, data.file for a second pass over an iterator. */
export function rowsInMemory<Row>(source: RowsToPass<Row> | MakeRows<Row>, fieldOptions: FieldOptions): Dataset<Row> {
  const array = Array.isArray(source) ? (source as readonly Row[]) : undefined
  const begun = new WeakSet<object>()
  return datasetOf<Row>({
    name: 'rows',
    fieldOptions,
    isRereadable: array !== undefined,
    placedRows: async function* (): AsyncGenerator<PlacedRow<Row>> {
      const rows = typeof source === 'function' ? await made(source) : source
      if (isSpentByAPass(rows)) {
        if (begun.has(rows)) throw spent()
        begun.add(rows)
      }
      let index = 0
      for await (const row of rows) {
        asRow(row, { row: index + 1 })
        yield { row: copiedRow(row), label: `row ${index + 1}`, place: [index, index + 1] }
        index += 1
      }
    },
    readAgain: async ([index]) => {
      const row = array?.[index]
      if (row !== undefined) return copiedRow(row)
      throw new EspalierError('data.file', {
        what: 'rows of a generator cannot be read again',
        got: { row: index + 1 },
        fix: 'Pass an array or a file.',
      })
    },
  })
}

async function made<Row>(make: MakeRows<Row>): Promise<RowsToPass<Row>> {
  const rows: unknown = await make()
  if (isIterable(rows)) return rows as RowsToPass<Row>
  throw new EspalierError('config.value', {
    what: 'the function that should make rows returned nothing to go through',
    got: { returned: typeof rows },
    fix: 'Return an array of rows, or give a generator function: loadDataset(function* () { yield { text } })',
  })
}

// Iterators, and streams of the web and of Node: what one pass has taken from them is gone.
function isSpentByAPass(rows: object): boolean {
  return 'next' in rows || 'getReader' in rows || 'pipe' in rows
}

function spent(): EspalierError {
  return new EspalierError('data.file', {
    what: 'the rows of an iterator or a stream were gone through already, and do not come a second time',
    got: { source: 'rows' },
    fix: 'Give a function that makes it anew for each pass: loadDataset(() => rows()), or a generator function itself',
  })
}
