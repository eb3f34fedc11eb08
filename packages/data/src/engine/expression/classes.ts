/** Classes of characters of Oniguruma in JavaScript's notation with the v flag. */
import { newer, SPACES } from '../characters.js'
import { escapeInClass, foldedClass } from './letters.js'
import { brokenExpression, refuse } from './refuse.js'

const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}'
const without = (inside: string) => `[[${inside}]--[${newer}]]`
const wordClass = without(WORD)
// Outside of classes \\w also takes the numbers of Latin-1: ² ³ ¹ ¼ ½ ¾.
const bareWordClass = without(`${WORD}\\xb2\\xb3\\xb9\\xbc-\\xbe`)
const digitClass = without('\\p{Nd}')

/** The class of \w, \d, \s, \h and their opposites; undefined for another letter. isInside: inside of a class. */
export function shorthandClass(letter: string, isInside: boolean): string | undefined {
  const classes: Record<string, string> = {
    w: isInside ? wordClass : bareWordClass,
    d: digitClass,
    s: `[${SPACES}]`,
    h: '[0-9a-fA-F]',
  }
  const found = classes[letter.toLowerCase()]
  if (found === undefined || !/[wdshWDSH]/.test(letter)) return undefined
  return letter === letter.toLowerCase() ? found : `[^${found}]`
}

// U+0295 became an Lo in Unicode 17.
const changedKinds: Record<string, string> = {
  ll: without('\\p{Ll}\\u{295}'),
  lo: `[[\\p{Lo}]--[${newer}\\u{295}]]`,
  cn: `[\\p{Cn}${newer}]`,
  c: `[\\p{C}${newer}]`,
}
const posix: Record<string, string> = {
  alpha: without('\\p{Alphabetic}'),
  alnum: without('\\p{Alphabetic}\\p{Nd}'),
  digit: digitClass,
  space: `[${SPACES}]`,
  punct: without('\\p{P}\\p{S}'),
  word: wordClass,
  upper: without('\\p{Uppercase}'),
  lower: without('\\p{Lowercase}'),
  blank: '[\\p{Zs}\\t]',
  cntrl: '[\\p{Cc}]',
  xdigit: '[0-9a-fA-F]',
  ascii: '[\\0-\\x7f]',
}

/** The class of \p{name}. */
export function propertyClass(source: string, name: string, negative: boolean): string {
  const key = name.toLowerCase().replace(/[ _-]/g, '')
  const found = (key === 'word' ? bareWordClass : posix[key]) ?? changedKinds[key] ?? knownProperty(name)
  if (found === undefined) throw refuse(source, `\\p{${name}} is not known`)
  return negative ? `[^${found}]` : found
}

function knownProperty(name: string): string | undefined {
  const title = name
    .split(/[ _-]/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('_')
  for (const inside of [`\\p{gc=${title}}`, `\\p{Script=${title}}`]) {
    try {
      new RegExp(`[${inside}]`, 'v')
      return without(inside)
    } catch {
      // not this kind of property: the next one, then undefined
    }
  }
  return undefined
}

/** How escapes inside a class are read; at: behind the backslash, or behind \p. */
export interface ClassEscapes {
  escaped(at: number): { value: string; at: number }
  property(at: number, negative: boolean): { value: string; at: number }
}

/** The class that starts at `[`, and where it ends. */
export function parseClass(
  source: string,
  start: number,
  ignoreCase: boolean,
  escapes: ClassEscapes,
): { source: string; end: number } {
  let at = start + 1
  const negative = source[at] === '^'
  if (negative) at += 1
  const operands: string[] = []
  let items: string[] = []
  let isFirst = true
  for (;;) {
    if (at >= source.length) throw brokenExpression(source, 'a class has no end')
    const character = String.fromCodePoint(source.codePointAt(at) as number)
    if (character === ']' && !isFirst) break
    isFirst = false
    if (source.startsWith('&&', at)) {
      operands.push(`[${items.join('')}]`)
      items = []
      at += 2
      continue
    }
    const bracket = /^\[:(\^?)([a-z]+):\]/.exec(source.slice(at, at + 14))
    if (bracket !== null) {
      const found = posix[bracket[2] as string]
      if (found === undefined) throw refuse(source, `${bracket[0]} is not known`)
      items.push(bracket[1] === '^' ? `[^${found}]` : found)
      at += bracket[0].length
      continue
    }
    if (character === '[') {
      const inner = parseClass(source, at, ignoreCase, escapes)
      items.push(inner.source)
      at = inner.end
      continue
    }
    const single = readItem(source, at, escapes)
    at = single.at
    if (single.kind === 'class') {
      items.push(single.value)
      continue
    }
    if (source[at] === '-' && source[at + 1] !== ']' && at + 1 < source.length && !source.startsWith('-&&', at)) {
      const last = readItem(source, at + 1, escapes)
      if (last.kind === 'class' || source[at + 1] === '[') throw brokenExpression(source, 'a range ends in a class')
      if ((last.value.codePointAt(0) as number) < (single.value.codePointAt(0) as number))
        throw brokenExpression(source, 'a range is empty')
      at = last.at
      items.push(rangeClass(source, single.value, last.value, ignoreCase))
      continue
    }
    items.push(ignoreCase ? foldedClass(source, single.value) : escapeInClass(single.value))
  }
  operands.push(`[${items.join('')}]`)
  const inside = operands.length === 1 ? (operands[0] as string) : `[${operands.join('&&')}]`
  return { source: negative ? `[^${inside}]` : inside, end: at + 1 }
}

function readItem(
  source: string,
  at: number,
  escapes: ClassEscapes,
): { kind: 'class' | 'character'; value: string; at: number } {
  const character = String.fromCodePoint(source.codePointAt(at) as number)
  if (character !== '\\') return { kind: 'character', value: character, at: at + character.length }
  const letter = source[at + 1] ?? ''
  if (letter === 'b') return { kind: 'character', value: '\b', at: at + 2 }
  const shorthand = shorthandClass(letter, true)
  if (shorthand !== undefined) return { kind: 'class', value: shorthand, at: at + 2 }
  if (letter === 'p' || letter === 'P') return { kind: 'class', ...escapes.property(at + 2, letter === 'P') }
  return { kind: 'character', ...escapes.escaped(at + 1) }
}

function rangeClass(source: string, first: string, last: string, ignoreCase: boolean): string {
  const range = `${escapeInClass(first)}-${escapeInClass(last)}`
  if (!ignoreCase) return range
  const lower = /[a-z]/.test(first) && /[a-z]/.test(last)
  if (!lower && !(/[A-Z]/.test(first) && /[A-Z]/.test(last))) {
    if (/\p{L}/u.test(first) || /\p{L}/u.test(last))
      throw refuse(source, `(?i) over the range ${first}-${last} is not known`)
    return range
  }
  const letters: string[] = []
  for (let code = first.charCodeAt(0); code <= last.charCodeAt(0); code++)
    letters.push(foldedClass(source, String.fromCharCode(code)))
  return letters.join('')
}
