/** Finds every match of an expression or a plain text, in order and without overlap, as the Rust library's search does. */
import { budgetFor, Matcher } from './matcher.js'
import { isPublished, nativeSource } from './native.js'
import { parseExpression } from './parse.js'

/** Start and end of a match, UTF-16 units. */
export type Span = readonly [start: number, end: number]

/** All matches of one pattern in a text. */
export type FindAll = (text: string) => Span[]

/** Finds an expression of Oniguruma. Throws config.unsupported, naming it, where it cannot be matched as there. */
export function findExpression(source: string): FindAll {
  const part = parseExpression(source)
  if (isPublished(source)) return findNative(new RegExp(nativeSource(part), 'gv'))
  const matcher = new Matcher(source, part)
  return (text) => {
    const budget = budgetFor(text)
    const spans: Span[] = []
    let lastEnd = -1
    for (let at = 0; at <= text.length; ) {
      const end = matcher.endAt(text, at, budget)
      // An empty match right behind the one before is none.
      if (end > at || (end === at && lastEnd !== at)) spans.push([at, end])
      if (end >= at) lastEnd = end
      at = end > at ? end : at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1)
    }
    return spans
  }
}

/** Finds with JavaScript's engine; expression: global, never empty. */
export function findNative(expression: RegExp): FindAll {
  return (text) => {
    const spans: Span[] = []
    expression.lastIndex = 0
    for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
      const start = match.index
      spans.push([start, start + match[0].length])
    }
    return spans
  }
}

/** Finds a plain text; an empty one is nowhere. */
export function findText(wanted: string): FindAll {
  return (text) => {
    const spans: Span[] = []
    if (wanted === '') return spans
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length))
      spans.push([at, at + wanted.length])
    return spans
  }
}
