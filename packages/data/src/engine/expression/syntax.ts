/** What an expression is made of, after reading: the part of Oniguruma's language that tokenizers use. */

/** One piece of an expression. */
export type Part =
  /** One character of a class. source: the class in JavaScript's notation with the v flag. */
  | { readonly kind: 'set'; readonly source: string }
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'choice'; readonly options: readonly Part[] }
  | {
      readonly kind: 'repeat'
      readonly part: Part
      readonly min: number
      readonly max: number
      readonly mode: 'greedy' | 'lazy' | 'possessive'
    }
  | { readonly kind: 'look'; readonly part: Part; readonly behind: boolean; readonly negative: boolean }
  | { readonly kind: 'atomic'; readonly part: Part }
  | { readonly kind: 'place'; readonly at: Place }

/** A condition on a position. */
export type Place =
  | 'text start'
  | 'text end'
  | 'last line end'
  | 'line start'
  | 'line end'
  | 'word edge'
  | 'no word edge'

/** Fewest and most UTF-16 units that a part can take. */
export function unitsOf(part: Part): { least: number; most: number } {
  switch (part.kind) {
    case 'set':
      return { least: 1, most: 2 }
    case 'sequence':
      return part.parts.map(unitsOf).reduce((a, b) => ({ least: a.least + b.least, most: a.most + b.most }), none)
    case 'choice': {
      const sizes = part.options.map(unitsOf)
      return { least: Math.min(...sizes.map((size) => size.least)), most: Math.max(...sizes.map((size) => size.most)) }
    }
    case 'repeat': {
      const { least, most } = unitsOf(part.part)
      return { least: least * part.min, most: most === 0 ? 0 : most * part.max }
    }
    case 'atomic':
      return unitsOf(part.part)
    default:
      return none
  }
}

const none = { least: 0, most: 0 }
