/** Checking numbers that a user set. */
import { EspalierError } from '@espalier/core'

/** Throws config.value unless a number lies in a range; `ends` says which ends belong to it: '[]', '(]', '[)' or '()'. */
export function checkRange(
  name: string,
  value: number,
  from: number,
  to: number,
  ends: '[]' | '(]' | '[)' | '()' = '[]',
): void {
  const above = ends.startsWith('[') ? value >= from : value > from
  const below = ends.endsWith(']') ? value <= to : value < to
  if (!above || !below) {
    throw new EspalierError('config.value', {
      what: `${name} lies outside its range`,
      got: { [name]: value, range: `${ends[0]}${from}, ${to}${ends[1]}` },
    })
  }
}

/** Throws config.value unless a number is whole and not below `from`. */
export function checkWhole(name: string, value: number, from: number): void {
  if (!Number.isInteger(value) || value < from) {
    throw new EspalierError('config.value', {
      what: `${name} must be a whole number from ${from} on`,
      got: { [name]: value },
    })
  }
}
