/** Going through all rows of a data set, and lists of numbers in them. What the numbers mean is left to who asks. */

import { EspalierError, turns } from '@espalier/core'
import type { Dataset } from '../dataset/dataset.js'
import type { DataRow } from '../dataset/formats.js'
import { IGNORED } from '../ignored-label.js'

/** What becomes of each row; place: names it in errors. Throws data.empty, the signal's reason, and what reading and `map` throw. */
export async function mapRows<T>(
  dataset: Dataset<DataRow>,
  map: (row: DataRow, place: string) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T[]> {
  const mapped: T[] = []
  const rest = turns()
  for await (const { row, label } of dataset.placedRows()) {
    signal?.throwIfAborted()
    mapped.push(await map(row, label))
    await rest()
  }
  if (mapped.length > 0) return mapped
  throw new EspalierError('data.empty', { what: 'the data has no rows', got: { source: dataset.name } })
}

/** A list of whole numbers, not empty, and of the length if one is given. Throws data.row. */
export function integers(values: unknown, place: string, field: string, length?: number): number[] {
  const list = Array.isArray(values) || ArrayBuffer.isView(values) ? Array.from(values as ArrayLike<unknown>) : []
  const isRight =
    list.length > 0 && list.every(Number.isSafeInteger) && (length === undefined || list.length === length)
  if (isRight) return list as number[]
  throw new EspalierError('data.row', {
    what: 'a field of a row is not a list of whole numbers, as many as the row has ids',
    got: { row: place, field, length: list.length, ids: length ?? 'any' },
  })
}

interface Labelled {
  readonly labels?: number | ArrayLike<number>
}

/** Throws data.unsupervised when no label of any row counts. */
export function requireCounted(source: string, rows: readonly Labelled[]): void {
  const counts = ({ labels = IGNORED }: Labelled) =>
    Array.from(typeof labels === 'number' ? [labels] : labels).some((label) => label !== IGNORED)
  if (rows.some(counts)) return
  throw new EspalierError('data.unsupervised', {
    what: 'no label in the data counts: all are -100',
    got: { source, rows: rows.length },
    fix: 'Give labels from 0 on to what is to be learnt.',
  })
}
