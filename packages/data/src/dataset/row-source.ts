/** Rows as they are read: in passes, and each again by its place. What may be done with them is dataset.ts. */
import type { DataRow } from './formats.js'
import type { FieldOptions } from './shape.js'

/** Where a row stands in its source, which alone knows what the numbers mean; two of them fit 16 bytes. */
export type Place = readonly [number, number]

/** One row and where it stands. */
export interface PlacedRow<Row = DataRow> {
  readonly row: Row
  /** For a message: "train.jsonl:17" or "row 17". */
  readonly label: string
  /** Reads the row again through `readAgain`. */
  readonly place: Place
}

/** What a data set is made of. */
export interface RowSource<Row = DataRow> {
  readonly name: string
  readonly fieldOptions: FieldOptions
  /** Whether rows can be read again by their place. */
  readonly isRereadable: boolean
  /** One pass over all rows, in order. Throws data.json, data.csv or data.file with the line of a broken row. */
  placedRows(): AsyncIterable<PlacedRow<Row>>
  /** The row at a place that placedRows gave. */
  readAgain(place: Place): Promise<Row>
}
