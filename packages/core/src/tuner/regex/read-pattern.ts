/**
 * Python's regular expressions, read into parts. What Python refuses is refused; so are verbose patterns, atomic groups, possessive
 * repetitions and conditions, which nobody writes for paths of modules.
 */
import { escapeSet, withoutCase } from './code-sets.js'
import { fixedWidth } from './fixed-width.js'
import { readClass, readEscape } from './read-escape.js'
import { type Part, type Place, patternFault } from './syntax.js'

/** A pattern that was read: its parts, how many groups it has, and whether it refers back to one. */
export interface ReadPattern {
  readonly pattern: string
  readonly part: Part
  readonly hasReferences: boolean
  readonly groups: number
}

const LONGEST = 20_000 // characters; a list of all modules of a large model fits
const DEEPEST = 100 // groups within groups

/** The parts of a pattern. Throws config.value. */
export function readPattern(pattern: string): ReadPattern {
  if (pattern.length > LONGEST) throw patternFault(pattern, `it is longer than ${LONGEST} characters`)
  const reader = new Reader(pattern)
  const part = reader.all()
  return { pattern, part, groups: reader.groups, hasReferences: reader.hasReferences }
}

/** What letters before a colon, or at the start, switch. */
export interface Flags {
  readonly i: boolean
  readonly s: boolean
  readonly m: boolean
  readonly a: boolean
}

const NO_FLAGS: Flags = { i: false, s: false, m: false, a: false }

/** A pattern and how far it is read. */
export class Reader {
  groups = 0
  hasReferences = false
  private readonly codes: readonly string[]
  private position = 0
  private depth = 0
  private readonly names = new Map<string, number>()
  private readonly closed = new Set<number>()

  constructor(private readonly pattern: string) {
    this.codes = Array.from(pattern)
  }

  all(): Part {
    const start = /^\(\?([aimsu]+)\)/.exec(this.pattern)
    this.position = start?.[0].length ?? 0
    const part = this.choice(switched(NO_FLAGS, start?.[1] ?? ''))
    if (this.position < this.codes.length) throw this.fault('a ) has no (')
    return part
  }

  /** The error of the place that is read. */
  fault(reason: string): Error {
    return patternFault(this.pattern, `${reason} (position ${this.position})`)
  }

  /** The next character, which is not passed; empty at the end. */
  peek(): string {
    return this.codes[this.position] ?? ''
  }

  /** The next character, passed. */
  next(): string {
    return this.codes[this.position++] ?? ''
  }

  /** Passes a text if it comes next. */
  take(text: string): boolean {
    if (this.codes.slice(this.position, this.position + text.length).join('') !== text) return false
    this.position += text.length
    return true
  }

  /** Passes characters as long as they fit, at most so many. */
  run(fits: RegExp, most = Number.POSITIVE_INFINITY): string {
    let taken = ''
    while (taken.length < most && this.peek() !== '' && fits.test(this.peek())) taken += this.next()
    return taken
  }

  /** Passes what two next characters match and gives it. */
  pair(expression: RegExp): string | undefined {
    const text = this.codes.slice(this.position, this.position + 2).join('')
    if (!expression.test(text)) return undefined
    this.position += 2
    return text
  }

  private choice(flags: Flags): Part {
    const options = [this.sequence(flags)]
    while (this.take('|')) options.push(this.sequence(flags))
    return options.length === 1 ? (options[0] as Part) : { kind: 'choice', options }
  }

  private sequence(flags: Flags): Part {
    const parts: Part[] = []
    while (this.peek() !== '' && this.peek() !== '|' && this.peek() !== ')') {
      const part = this.single(flags)
      if (part !== undefined) parts.push(this.repeated(part))
    }
    return parts.length === 1 ? (parts[0] as Part) : { kind: 'sequence', parts }
  }

  /** One part without its repetition; undefined for a comment. */
  private single(flags: Flags): Part | undefined {
    if (this.bounds(true) !== undefined) throw this.fault('there is nothing to repeat')
    const character = this.next()
    if (character === '(') return this.group(flags)
    if (character === '[') return { kind: 'set', has: readClass(this, flags) }
    if (character === '\\') return this.escape(flags)
    if (character === '.') return { kind: 'set', has: flags.s ? () => true : (code) => code !== LINE_BREAK }
    if (character === '^') return at(flags.m ? 'line-start' : 'start')
    if (character === '$') return at(flags.m ? 'line-end' : 'end')
    return literal(character, flags)
  }

  private repeated(body: Part): Part {
    const bounds = this.bounds(false)
    if (bounds === undefined) return body
    const [least, most] = bounds
    if (body.kind === 'at') throw this.fault('there is nothing to repeat')
    if (least > most) throw this.fault('the least count is above the most')
    const lazy = this.take('?')
    if (!lazy && this.take('+')) throw this.fault('possessive repetitions are not supported')
    if (this.bounds(true) !== undefined) throw this.fault('a repetition is repeated')
    return { kind: 'repeat', body, least, most, lazy }
  }

  /** The counts of a repetition that comes next; `peeking` passes nothing. A { that begins none is a character. */
  private bounds(peeking: boolean): readonly [number, number] | undefined {
    const from = this.position
    const found = this.readBounds()
    if (peeking || found === undefined) this.position = from
    return found
  }

  private readBounds(): readonly [number, number] | undefined {
    if (this.take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.take('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.take('?')) return [0, 1]
    if (!this.take('{')) return undefined
    const least = this.run(/[0-9]/)
    const comma = this.take(',')
    const most = comma ? this.run(/[0-9]/) : least
    if (!this.take('}') || (least === '' && !comma)) return undefined
    return [Number(least), most === '' ? Number.POSITIVE_INFINITY : Number(most)]
  }

  private group(flags: Flags): Part | undefined {
    if (++this.depth > DEEPEST) throw this.fault(`groups are nested deeper than ${DEEPEST}`)
    const part = this.take('?') ? this.extension(flags) : this.captured(undefined, flags)
    this.depth--
    return part
  }

  private extension(flags: Flags): Part | undefined {
    if (this.take('#')) {
      this.run(/[^)]/)
      this.close()
      return undefined
    }
    if (this.take(':')) return { kind: 'sequence', parts: [this.inside(flags)] } // a ^ within may be repeated
    if (this.take('P<')) return this.captured(this.name('>'), flags)
    if (this.take('P=')) return this.reference(this.names.get(this.name(')')), flags)
    for (const [mark, behind, negative] of LOOKS) if (this.take(mark)) return this.look(behind, negative, flags)
    const on = this.run(/[aimsu]/)
    const off = this.take('-') ? this.run(/[ims]/) : ''
    if (on + off !== '' && this.take(':')) return this.inside(switched(flags, on, off))
    throw this.fault('this kind of group is not supported')
  }

  private captured(name: string | undefined, flags: Flags): Part {
    const index = ++this.groups
    if (name !== undefined) {
      if (this.names.has(name)) throw this.fault('two groups have one name')
      this.names.set(name, index)
    }
    const body = this.inside(flags)
    this.closed.add(index)
    return { kind: 'group', index, body }
  }

  private look(behind: boolean, negative: boolean, flags: Flags): Part {
    const body = this.inside(flags)
    const width = behind ? fixedWidth(body) : undefined
    if (behind && width === undefined) throw this.fault('what lies behind must have one width')
    return { kind: 'look', body, behind: width, negative }
  }

  private inside(flags: Flags): Part {
    const part = this.choice(flags)
    this.close()
    return part
  }

  private close(): void {
    if (!this.take(')')) throw this.fault('a ) is missing')
  }

  private name(end: string): string {
    const name = this.run(/[\p{L}\p{N}_]/u)
    if (name === '' || /^\p{N}/u.test(name) || !this.take(end)) throw this.fault('the name of a group is wrong')
    return name
  }

  private reference(group: number | undefined, flags: Flags): Part {
    if (group === undefined || !this.closed.has(group)) throw this.fault('there is no such group before this place')
    this.hasReferences = true
    return { kind: 'reference', group, fold: flags.i }
  }

  private escape(flags: Flags): Part {
    const place = PLACES[this.peek()]
    if (place !== undefined) {
      this.next()
      return at(place)
    }
    const escaped = readEscape(this)
    if (typeof escaped === 'number') return { kind: 'set', has: folded((code) => code === escaped, flags) }
    if ('group' in escaped) return this.reference(escaped.group, flags)
    return { kind: 'set', has: escapeSet(escaped.letter, flags.a) ?? (() => false) }
  }
}

const LINE_BREAK = 10
const LOOKS: readonly (readonly [string, boolean, boolean])[] = [
  ['=', false, false],
  ['!', false, true],
  ['<=', true, false],
  ['<!', true, true],
]
const PLACES: Readonly<Record<string, Place>> = { A: 'start', Z: 'very-end', b: 'word-edge', B: 'not-word-edge' }

function at(place: Place): Part {
  return { kind: 'at', place }
}

function literal(character: string, flags: Flags): Part {
  const wanted = character.codePointAt(0)
  return { kind: 'set', has: folded((code) => code === wanted, flags) }
}

function folded(has: (code: number) => boolean, flags: Flags): (code: number) => boolean {
  return flags.i ? withoutCase(has) : has
}

function switched(flags: Flags, on: string, off = ''): Flags {
  const value = (letter: keyof Flags) => (on.includes(letter) || flags[letter]) && !off.includes(letter)
  return { i: value('i'), s: value('s'), m: value('m'), a: on.includes('a') || (flags.a && !on.includes('u')) }
}
