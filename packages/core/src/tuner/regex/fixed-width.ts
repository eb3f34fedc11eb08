/** The number of characters that a part always takes. */
import type { Part } from './syntax.js'

/** How many characters every match of a part has; undefined when they differ. */
export function fixedWidth(part: Part): number | undefined {
  switch (part.kind) {
    case 'set':
      return 1
    case 'at':
    case 'look':
      return 0
    case 'group':
      return fixedWidth(part.body)
    case 'sequence':
      return part.parts.reduce<number | undefined>((sum, each) => added(sum, fixedWidth(each)), 0)
    case 'choice': {
      const widths = new Set(part.options.map(fixedWidth))
      return widths.size === 1 ? [...widths][0] : undefined
    }
    case 'repeat': {
      const width = fixedWidth(part.body)
      if (width === 0) return 0
      return part.least === part.most && width !== undefined ? width * part.least : undefined
    }
    case 'reference':
      return undefined
  }
}

function added(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}
