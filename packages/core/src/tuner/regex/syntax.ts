/** The parts that a regular expression is read into. Reading is read-pattern.ts, matching program.ts and run-program.ts. */
import { EspalierError } from '../../errors.js'

/** Where a position must lie; `end` allows a line break after it, `very-end` does not. */
export type Place = 'start' | 'end' | 'very-end' | 'line-start' | 'line-end' | 'word-edge' | 'not-word-edge'

/** Whether a code point belongs to a set. */
export type CodeSet = (code: number) => boolean

/** A part of an expression. `most` of a repetition may be infinite; a `look` behind has a fixed `width`. */
export type Part =
  | { readonly kind: 'set'; readonly has: CodeSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'choice'; readonly options: readonly Part[] }
  | {
      readonly kind: 'repeat'
      readonly body: Part
      readonly least: number
      readonly most: number
      readonly lazy: boolean
    }
  | { readonly kind: 'group'; readonly index: number; readonly body: Part }
  | { readonly kind: 'at'; readonly place: Place }
  | { readonly kind: 'look'; readonly body: Part; readonly behind: number | undefined; readonly negative: boolean }
  | { readonly kind: 'reference'; readonly group: number; readonly fold: boolean }

const LONGEST_SHOWN = 200 // characters of a pattern in a message

/** The error of a pattern that is wrong, or that cannot be used here. */
export function patternFault(pattern: string, reason: string): EspalierError {
  return new EspalierError('config.value', {
    what: 'this pattern is not a regular expression that can be used here',
    got: { pattern: pattern.length > LONGEST_SHOWN ? `${pattern.slice(0, LONGEST_SHOWN)}...` : pattern, reason },
    fix: 'Simplify it',
  })
}
