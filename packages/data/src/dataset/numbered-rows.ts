/** Rows by number, in any order: what select, shuffle and split read through. */
import { copiedRow } from './copied-row.js'
import { Places } from './places.js'
import type { RowSource } from './row-source.js'

/** The rows of a source, counted from 0. */
export interface NumberedRows<Row> {
  readonly count: number
  row(index: number): Promise<Row>
}

/** One pass over the source, which learns where its rows stand; rows that cannot be read again are kept. */
export async function numberRows<Row>(source: RowSource<Row>): Promise<NumberedRows<Row>> {
  const places = new Places()
  const kept: Row[] = []
  let count = 0
  for await (const { row, place } of source.placedRows()) {
    if (source.isRereadable) places.note(count, place)
    else kept.push(row)
    count++
  }
  return {
    count,
    row: async (index) => (source.isRereadable ? source.readAgain(places.at(index)) : copiedRow(kept[index] as Row)),
  }
}
