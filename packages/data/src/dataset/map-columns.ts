/** What becomes of a row's columns when a function maps it: as in Hugging Face's datasets, the row is updated, not replaced. */
import { checkOptions, EspalierError } from '@espalier/core'
import { copiedRow } from './copied-row.js'

/** Options of `map`. */
export interface MapOptions<Removed extends string = string> {
  /** Columns that the new rows do not take over; what the function returns stays. */
  readonly removeColumns?: readonly Removed[]
}

/** A row as `map` leaves it: what the function returned over what was there. */
export type MappedRow<Row, Changed, Removed extends PropertyKey> = Omit<Row, Removed | keyof Changed> & Changed

/** What a mapping function makes of whole rows. source: named in messages. Throws config.*; for a row, data.row and data.shape. */
export function withColumns<Row, Changed extends object, Removed extends string>(
  source: string,
  change: (row: Row, index: number) => Changed | undefined | Promise<Changed | undefined>,
  options: MapOptions<Removed>,
): (row: Row, index: number) => Promise<MappedRow<Row, Changed, Removed>> {
  checkOptions<MapOptions>('map', options, { removeColumns: 'array' })
  const removed = new Set<string>(options.removeColumns)
  return async (row, index) => {
    if (index === 0) requireColumns(row as object, removed)
    const given = copiedRow(row)
    const columns = await change(given, index)
    const isChanged = columns !== undefined && columns !== null
    if (isChanged) requireRow(columns, source, index)
    const kept = without((isChanged ? given : row) as object, removed)
    return { ...kept, ...columns } as MappedRow<Row, Changed, Removed> // as its type says
  }
}

function without(row: object, removed: ReadonlySet<string>): object {
  if (removed.size === 0) return row
  return Object.fromEntries(Object.entries(row).filter(([column]) => !removed.has(column)))
}

// The first row tells: later ones of a JSONL file may lack a column.
function requireColumns(row: object, removed: ReadonlySet<string>): void {
  const missing = [...removed].filter((column) => !Object.hasOwn(row, column))
  if (missing.length === 0) return
  throw new EspalierError('data.shape', {
    what: 'columns that map should remove are not in the data',
    got: { missing, columns: Object.keys(row) },
    fix: 'Use names from the list of columns.',
  })
}

function requireRow(returned: unknown, source: string, index: number): void {
  if (typeof returned === 'object' && !Array.isArray(returned)) return
  throw new EspalierError('data.row', {
    what: 'the function of map returned no row',
    got: { source, row: index + 1, found: Array.isArray(returned) ? 'array' : typeof returned },
    fix: 'Return an object of columns, or nothing to leave the row as it is',
  })
}
