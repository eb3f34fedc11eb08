/** Sources made of others: changed, left out and reordered rows. Nothing is read before the rows are asked for, and no row is held. */
import { copiedRow } from './copied-row.js'
import type { NumberedRows } from './numbered-rows.js'
import { Places } from './places.js'
import type { PlacedRow, RowSource } from './row-source.js'

/** Every row changed. */
export function mapped<Row, Changed>(
  source: RowSource<Row>,
  change: (row: Row, index: number) => Promise<Changed>,
): RowSource<Changed> {
  const places = new Places() // of the source's rows: a row that is read again is changed again, by its number
  return {
    ...about(source),
    async *placedRows(): AsyncGenerator<PlacedRow<Changed>> {
      let index = 0
      for await (const { row, label, place } of source.placedRows()) {
        if (source.isRereadable) places.note(index, place)
        yield { row: await change(row, index), label, place: [index, 0] }
        index++
      }
    },
    readAgain: async ([index]) => change(await source.readAgain(places.at(index)), index),
  }
}

/** The rows that are kept. The function is given a copy: what it does to it changes no row. */
export function filtered<Row>(source: RowSource<Row>, keeps: (row: Row, index: number) => unknown): RowSource<Row> {
  return {
    ...about(source),
    async *placedRows(): AsyncGenerator<PlacedRow<Row>> {
      let index = 0
      for await (const placed of source.placedRows()) if (await keeps(copiedRow(placed.row), index++)) yield placed
    },
    readAgain: (place) => source.readAgain(place),
  }
}

/** Rows in another order, each any number of times. order: numbers of rows, given their count. */
export function ordered<Row>(
  source: RowSource<Row>,
  numbered: () => Promise<NumberedRows<Row>>,
  order: (count: number) => Iterable<number>,
): RowSource<Row> {
  return {
    ...about(source),
    isRereadable: true,
    async *placedRows(): AsyncGenerator<PlacedRow<Row>> {
      const rows = await numbered()
      for (const index of order(rows.count))
        yield { row: await rows.row(index), label: `row ${index + 1} of ${source.name}`, place: [index, 0] }
    },
    readAgain: async ([index]) => (await numbered()).row(index),
  }
}

function about({ name, fieldOptions, isRereadable }: RowSource<unknown>) {
  return { name, fieldOptions, isRereadable }
}
