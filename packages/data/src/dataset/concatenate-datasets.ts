/** Several data sets as one: datasets' concatenate_datasets. */
import { EspalierError, requireAwaited } from '@espalier/core'
import { type Dataset, datasetOf } from './dataset.js'
import { Places } from './places.js'
import type { PlacedRow } from './row-source.js'

/**
 * The rows of all data sets, one after the other. Rows stay as they are: where the sets have other columns, none are added. Throws
 * config.value for what is no list of data sets, for none, and when they name their columns differently.
 */
export function concatenateDatasets<Row>(datasets: readonly Dataset<Row>[]): Dataset<Row> {
  if (!Array.isArray(datasets))
    throw new EspalierError('config.value', {
      what: 'concatenateDatasets takes a list of data sets',
      got: { given: typeof datasets },
      fix: 'Give them in one list: concatenateDatasets([a, b])',
    })
  for (const set of datasets) requireDataset(set)
  const [first] = datasets
  if (first === undefined)
    throw new EspalierError('config.value', { what: 'there are no data sets to concatenate', got: { datasets: 0 } })
  const { fieldOptions } = first
  const other = datasets.find((set) => !sameFields(set.fieldOptions, fieldOptions))
  if (other !== undefined)
    throw new EspalierError('config.value', {
      what: 'data sets that name their columns differently cannot be one',
      got: { [first.name]: fieldOptions, [other.name]: other.fieldOptions },
      fix: 'Load them with the same field options, or map their rows to the same columns',
    })
  const places = datasets.map(() => new Places())
  return datasetOf({
    name: datasets.map(({ name }) => name).join(' + '),
    fieldOptions,
    isRereadable: datasets.every(({ isRereadable }) => isRereadable),
    async *placedRows(): AsyncGenerator<PlacedRow<Row>> {
      for (const [number, set] of datasets.entries()) {
        let index = 0
        for await (const { row, label, place } of set.placedRows()) {
          if (set.isRereadable) places[number]?.note(index, place)
          yield { row, label, place: [number, index++] }
        }
      }
    },
    readAgain: ([number, index]) => {
      const [set, noted] = [datasets[number] as Dataset<Row>, places[number] as Places] // a place that placedRows gave
      return set.readAgain(noted.at(index))
    },
  })
}

function requireDataset(set: unknown): void {
  requireAwaited('a data set', set)
  if (typeof set === 'object' && set !== null && 'placedRows' in set) return
  throw new EspalierError('config.value', {
    what: 'only data sets are concatenated',
    got: { given: Array.isArray(set) ? 'array' : typeof set },
    fix: `Load it first: ${typeof set === 'string' ? `loadDataset('${set}')` : 'loadDataset(rows)'}`,
  })
}

function sameFields(a: object, b: object): boolean {
  const text = (fields: object) => JSON.stringify(Object.entries(fields).sort(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}
