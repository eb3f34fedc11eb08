/**
 * Reads an expression of Oniguruma, in Ruby's syntax, as the Rust library compiles those of tokenizer.json. What tokenizers do not use
 * (back references, recursion, conditions, \X) is refused by name, never taken for something else.
 */
import { parseClass, propertyClass, shorthandClass } from './classes.js'
import { escapeInClass, foldedClass } from './letters.js'
import { brokenExpression, refuse } from './refuse.js'
import type { Part } from './syntax.js'

const LONGEST = 20_000
const DEEPEST = 100
const MOST_REPEATS = 1_000

/** The expression as parts. Throws config.unsupported naming what is not known, tokenizer.file for a broken one. */
export function parseExpression(source: string): Part {
  if (source.length > LONGEST) throw refuse(source, 'it is longer than 20000 characters')
  const reader = new Reader(source)
  const part = reader.choice({ ignoreCase: false, dotAll: false, extended: false }, 0)
  if (!reader.atEnd) throw brokenExpression(source, 'a parenthesis closes nothing')
  return part
}

interface Flags {
  readonly ignoreCase: boolean
  readonly dotAll: boolean
  readonly extended: boolean
}

const set = (source: string): Part => ({ kind: 'set', source })

class Reader {
  readonly source: string
  at = 0

  constructor(source: string) {
    this.source = source
  }

  get atEnd(): boolean {
    return this.at >= this.source.length
  }

  choice(flags: Flags, depth: number): Part {
    if (depth > DEEPEST) throw refuse(this.source, 'its groups are nested too deeply')
    const options: Part[] = []
    let current = flags
    let parts: Part[] = []
    const end = () => {
      if (current.ignoreCase) this.refuseFolding(parts)
      options.push({ kind: 'sequence', parts })
      parts = []
    }
    while (!this.atEnd && !this.rest(')')) {
      if (this.take('|')) {
        end()
        continue
      }
      if (current.extended && this.skipComment()) continue
      const switched = this.switchedFlags(current)
      if (switched !== undefined) current = switched
      else parts.push(this.repeated(this.one(current, depth), current))
    }
    end()
    return options.length === 1 ? (options[0] as Part) : { kind: 'choice', options }
  }

  private one(flags: Flags, depth: number): Part {
    if (this.take('(')) return this.group(flags, depth)
    if (this.rest('[')) return set(this.readClass(flags))
    if (this.take('.')) return set(flags.dotAll ? '[^]' : '[^\\n]')
    if (this.take('^')) return { kind: 'place', at: 'line start' }
    if (this.take('$')) return { kind: 'place', at: 'line end' }
    if (this.take('\\')) return this.escape(flags)
    if (/[*+?]/.test(this.source[this.at] as string))
      throw brokenExpression(this.source, 'a quantifier repeats nothing')
    return this.literal(this.character(), flags)
  }

  private group(flags: Flags, depth: number): Part {
    const inside = (inner: Flags = flags) => {
      const part = this.choice(inner, depth + 1)
      if (!this.take(')')) throw brokenExpression(this.source, 'a group has no end')
      return part
    }
    if (!this.rest('?')) return inside()
    if (this.take('?:')) return inside()
    if (this.take('?=')) return { kind: 'look', part: inside(), behind: false, negative: false }
    if (this.take('?!')) return { kind: 'look', part: inside(), behind: false, negative: true }
    if (this.take('?<=')) return { kind: 'look', part: inside(), behind: true, negative: false }
    if (this.take('?<!')) return { kind: 'look', part: inside(), behind: true, negative: true }
    if (this.take('?>')) return { kind: 'atomic', part: inside() }
    const name = /^\?<[\p{L}_]\w*>/u.exec(this.source.slice(this.at))
    if (name !== null) {
      this.at += name[0].length
      return inside()
    }
    const options = /^\?([imx]*)(?:-([imx]+))?:/.exec(this.source.slice(this.at))
    if (options === null)
      throw refuse(this.source, `the group (${this.source.slice(this.at, this.at + 3)} is not known`)
    this.at += options[0].length
    return inside(changed(flags, options[1] ?? '', options[2] ?? ''))
  }

  /** `(?i)` changes what follows, to the end of the group. */
  private switchedFlags(flags: Flags): Flags | undefined {
    const options = /^\(\?([imx]*)(?:-([imx]+))?\)/.exec(this.source.slice(this.at))
    if (options === null) return undefined
    this.at += options[0].length
    return changed(flags, options[1] ?? '', options[2] ?? '')
  }

  private skipComment(): boolean {
    const skipped = /^(?:\s+|#[^\n]*)/.exec(this.source.slice(this.at))
    this.at += skipped?.[0].length ?? 0
    return skipped !== null
  }

  private repeated(part: Part, flags: Flags): Part {
    let result = part
    for (;;) {
      if (flags.extended) while (this.skipComment());
      const bounds = /^(?:[*+?]|\{(\d*),?(\d*)\})/.exec(this.source.slice(this.at))
      if (bounds === null || bounds[0] === '{}' || bounds[0] === '{,}') return result
      this.at += bounds[0].length
      const isInterval = bounds[0].startsWith('{')
      const [min, max] = boundsOf(bounds)
      if (max < min || Math.max(min, Number.isFinite(max) ? max : 0) > MOST_REPEATS)
        throw refuse(this.source, `the quantifier ${bounds[0]} is not known`)
      // In Ruby's syntax {n}? and {n,m}+ are two quantifiers, not a lazy and a possessive one.
      const isExact = isInterval && !bounds[0].includes(',')
      const mode = !isExact && this.take('?') ? 'lazy' : !isInterval && this.take('+') ? 'possessive' : 'greedy'
      result = { kind: 'repeat', part: result, min, max, mode }
    }
  }

  private escape(flags: Flags): Part {
    const letter = this.character()
    const places = { A: 'text start', z: 'text end', Z: 'last line end', b: 'word edge', B: 'no word edge' } as const
    if (letter in places) return { kind: 'place', at: places[letter as keyof typeof places] }
    if (letter === 'R') return lineBreak
    const shorthand = shorthandClass(letter, false)
    if (shorthand !== undefined) return set(shorthand)
    if (letter === 'p' || letter === 'P') return set(this.property(letter === 'P'))
    return this.literal(this.escaped(letter), flags)
  }

  private property(negative: boolean): string {
    const name = /^\{(\^?)([^}]*)\}/.exec(this.source.slice(this.at))
    if (name === null) throw brokenExpression(this.source, '\\p has no {name}')
    this.at += name[0].length
    return propertyClass(this.source, name[2] as string, negative !== (name[1] === '^'))
  }

  /** The character that an escape stands for. */
  private escaped(letter: string): string {
    const controls: Record<string, string> = {
      n: '\n',
      r: '\r',
      t: '\t',
      f: '\f',
      v: '\v',
      a: '\x07',
      e: '\x1b',
      '0': '\0',
    }
    if (Object.hasOwn(controls, letter)) return controls[letter] as string
    const rest = this.source.slice(this.at)
    const hex =
      letter === 'x'
        ? /^(?:\{([0-9a-fA-F]{1,6})\}|([0-7][0-9a-fA-F]))/.exec(rest)
        : letter === 'u'
          ? /^([0-9a-fA-F]{4})/.exec(rest)
          : null
    const code = hex === null ? Number.NaN : Number.parseInt((hex[1] ?? hex[2]) as string, 16)
    if (hex !== null && code <= 0x10ffff) {
      this.at += hex[0].length
      return String.fromCodePoint(code)
    }
    if (/[\p{L}\p{N}]/u.test(letter)) throw refuse(this.source, `\\${letter} is not known`)
    return letter
  }

  private readClass(flags: Flags): string {
    const { end, source } = parseClass(this.source, this.at, flags.ignoreCase, {
      escaped: (at) => {
        this.at = at
        const value = this.escaped(this.character())
        return { value, at: this.at }
      },
      property: (at, negative) => {
        this.at = at
        const value = this.property(negative)
        return { value, at: this.at }
      },
    })
    this.at = end
    return source
  }

  private literal(character: string, flags: Flags): Part {
    return set(`[${flags.ignoreCase ? foldedClass(this.source, character) : escapeInClass(character)}]`)
  }

  private character(): string {
    const code = this.source.codePointAt(this.at)
    if (code === undefined) throw brokenExpression(this.source, 'it ends in a backslash')
    const character = String.fromCodePoint(code)
    this.at += character.length
    return character
  }

  /** Ignoring case, Oniguruma takes one character for two: ß for ss, ﬁ for fi. */
  private refuseFolding(parts: readonly Part[]): void {
    const text = parts
      .map((part) => (part.kind === 'set' ? (/^\[([a-z])[A-Z]/.exec(part.source)?.[1] ?? ' ') : ' '))
      .join('')
    const pair = /ss|ff|fi|fl|st/.exec(text)
    if (pair !== null) throw refuse(this.source, `(?i) over "${pair[0]}" also takes single characters for it`)
  }

  private rest(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  private take(text: string): boolean {
    if (!this.rest(text)) return false
    this.at += text.length
    return true
  }
}

const lineBreak: Part = {
  kind: 'atomic',
  part: {
    kind: 'choice',
    options: [{ kind: 'sequence', parts: [set('[\\r]'), set('[\\n]')] }, set('[\\n-\\r\\x85\\u2028\\u2029]')],
  },
}

function changed(flags: Flags, on: string, off: string): Flags {
  const value = (letter: string, before: boolean) => (off.includes(letter) ? false : on.includes(letter) || before)
  // Ruby's m lets the dot match line ends.
  return {
    ignoreCase: value('i', flags.ignoreCase),
    dotAll: value('m', flags.dotAll),
    extended: value('x', flags.extended),
  }
}

function boundsOf([text, low, high]: RegExpExecArray): [number, number] {
  if (text === '*') return [0, Number.POSITIVE_INFINITY]
  if (text === '+') return [1, Number.POSITIVE_INFINITY]
  if (text === '?') return [0, 1]
  const min = low === '' ? 0 : Number(low)
  if (!text.includes(',')) return [min, min]
  return [min, high === '' ? Number.POSITIVE_INFINITY : Number(high)]
}
