/** Numbers as the labels of rows have them: as text in CSV files, and in lists with a flag for each label. */
import { EspalierError } from '@espalier/core'

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** The number that a text writes with decimal digits; anything else as it is. */
export function labelNumber(given: unknown): unknown {
  if (typeof given !== 'string') return given
  const text = given.trim()
  return DECIMAL.test(text) ? Number(text) : given
}

/** A row's flags: for each label from 0, where it does not hold, to 1, where it does. Throws data.row for other lists, and for an empty one. */
export function requireFlags(list: readonly unknown[], place: string): number[] {
  const flags = list.map(labelNumber)
  if (flags.length > 0 && flags.every((flag) => typeof flag === 'number' && flag >= 0 && flag <= 1))
    return flags as number[]
  throw new EspalierError('data.row', {
    what: 'a list of labels has a flag for each label, from 0 to 1, and this one has not',
    got: { row: place, label: list },
    fix: 'Give a list of classes as flags: for each label of the model, in order, 1 where it holds and 0 where it does not',
  })
}
