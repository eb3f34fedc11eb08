/** The names of `--allow-changes`. */
import { type AllowedChange, allowedChanges } from '../checkpoint/run-changes.js'

/** The option that sets what may change, without its dashes. */
export function nameOfChange(change: AllowedChange): string {
  return change === 'evalDataset' ? 'eval-data' : change.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** All of them. */
export const allowedNames: readonly string[] = allowedChanges.map(nameOfChange)
