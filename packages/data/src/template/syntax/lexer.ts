/**
 * A template's text as tokens, by Jinja2's rules with `trim_blocks` and `lstrip_blocks`: the newline after a tag goes, and so does the
 * whitespace between a line's beginning and a tag. Comments and whitespace inside tags are left out.
 */

import { Raised } from '../errors.js'
import { strip, WHITESPACE } from '../values/characters.js'
import { unescapeText } from './text-literal.js'

/** What a token is. Operators have themselves as kind. */
export type TokenKind =
  | 'data'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'block_begin'
  | 'block_end'
  | 'variable_begin'
  | 'variable_end'
  | 'eof'

export interface Token {
  readonly kind: TokenKind
  /** The text; of a string what it stands for. */
  readonly text: string
  readonly line: number
}

const S = `[${WHITESPACE}]`
const RAW_BEGIN = new RegExp(`\\{%([-+]?)${S}*raw${S}*(?:-%\\}${S}*|%\\})`, 'y')
const RAW_END = new RegExp(`\\{%([-+]?)${S}*endraw${S}*(?:\\+%\\}|-%\\}${S}*|%\\}\\n?)`, 'g')
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}${S}*|#\\}\\n?`, 'g')
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}${S}*|%\\}\\n?`, 'y')
const VARIABLE_END = new RegExp(`-\\}\\}${S}*|\\}\\}`, 'y')
const OPENING = /\{[{%#]/g
const SPACE = new RegExp(`${S}+`, 'y')
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[-+]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy
const NAME = /[\p{XIDC}\p{N}]+/uy
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y
const LITERALS: readonly (readonly [TokenKind, RegExp])[] = [
  ['float', FLOAT],
  ['integer', INTEGER],
  ['name', NAME],
  ['string', STRING],
]
const OPERATOR = /\/\/|\*\*|[=!<>]=|[-+/*%~[\](){}><=.:|,;]/y
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' }

/** The tokens of a template, an eof at the end. Throws TemplateSyntaxError. */
export function tokenize(source: string): readonly Token[] {
  return new Lexer(source.replace(/\r\n|\r/g, '\n').replace(/\n$/, '')).tokens()
}

function syntaxError(message: string, line: number): never {
  throw new Raised('TemplateSyntaxError', message, line)
}

class Lexer {
  readonly #source: string
  readonly #tokens: Token[] = []
  #at = 0
  #line = 1
  #counted = 0 // newlines before this place are in #line

  constructor(source: string) {
    this.#source = source
  }

  tokens(): readonly Token[] {
    while (this.#at < this.#source.length) this.#outside()
    this.#push('eof', '', this.#at)
    return this.#tokens
  }

  /** Data up to the next tag, then the tag. */
  #outside(): void {
    OPENING.lastIndex = this.#at
    const opening = OPENING.exec(this.#source)
    const start = this.#at
    if (opening === null) {
      this.#push('data', this.#source.slice(start), start)
      this.#at = this.#source.length
      return
    }
    const open = opening.index
    const raw = matchAt(RAW_BEGIN, this.#source, open)
    const sign = raw?.[1] ?? signAt(this.#source, open + 2)
    this.#data(start, open, sign, raw === null && opening[0] === '{{')
    this.#at = open + 2 + sign.length
    if (raw !== null) this.#raw(open + raw[0].length)
    else if (opening[0] === '{#') this.#comment()
    else {
      const isBlock = opening[0] === '{%'
      this.#push(isBlock ? 'block_begin' : 'variable_begin', '', open)
      this.#inside(isBlock)
    }
  }

  /** Text before a tag, without the whitespace that its sign or lstrip_blocks takes. */
  #data(start: number, end: number, sign: string, isVariable: boolean): void {
    let text = this.#source.slice(start, end)
    if (sign === '-') text = strip(text, null, 'right')
    else if (sign !== '+' && !isVariable) {
      const line = text.lastIndexOf('\n') + 1
      const startsLine = line > 0 || start === 0 || this.#source.charAt(start - 1) === '\n'
      if (startsLine && strip(text.slice(line), null) === '') text = text.slice(0, line)
    }
    this.#push('data', text, start)
  }

  #raw(start: number): void {
    RAW_END.lastIndex = start
    const end = RAW_END.exec(this.#source)
    if (end === null) syntaxError('Missing end of raw directive', this.#lineAt(start))
    this.#data(start, end.index, end[1] ?? '', false)
    this.#at = end.index + end[0].length
  }

  #comment(): void {
    COMMENT_END.lastIndex = this.#at
    const end = COMMENT_END.exec(this.#source)
    if (end === null) syntaxError('Missing end of comment tag', this.#lineAt(this.#at))
    this.#at = end.index + end[0].length
  }

  #inside(isBlock: boolean): void {
    const open: string[] = []
    for (;;) {
      const end = open.length > 0 ? null : matchAt(isBlock ? BLOCK_END : VARIABLE_END, this.#source, this.#at)
      if (end !== null) {
        this.#push(isBlock ? 'block_end' : 'variable_end', '', this.#at)
        this.#at += end[0].length
        return
      }
      if (this.#at >= this.#source.length) return // the parser misses the end
      this.#token(open)
    }
  }

  #token(open: string[]): void {
    const [source, at] = [this.#source, this.#at]
    const take = (expression: RegExp) => {
      const text = matchAt(expression, source, at)?.[0]
      if (text !== undefined) this.#at += text.length
      return text
    }
    if (take(SPACE) !== undefined) return
    for (const [kind, expression] of LITERALS) {
      const literal = take(expression)
      if (literal === undefined) continue
      this.#push(kind, this.#meaning(kind, literal, at), at)
      return
    }
    const text = take(OPERATOR)
    if (text === undefined)
      syntaxError(`unexpected char ${JSON.stringify(source.charAt(at))} at ${at}`, this.#lineAt(at))
    const closing = CLOSING[text]
    if (closing !== undefined) open.push(closing)
    else if (/[})\]]/.test(text)) {
      const expected = open.pop()
      if (expected !== text)
        syntaxError(`unexpected '${text}'${expected === undefined ? '' : `, expected '${expected}'`}`, this.#lineAt(at))
    }
    this.#push('operator', text, at)
  }

  /** What a number, a name or a text stands for. */
  #meaning(kind: TokenKind, literal: string, at: number): string {
    if (kind === 'string') return unescapeText(literal.slice(1, -1), this.#lineAt(at))
    if (kind !== 'name') return literal.replaceAll('_', '')
    if (!/^[\p{XIDS}_]/u.test(literal)) syntaxError('Invalid character in identifier', this.#lineAt(at))
    return literal
  }

  #push(kind: TokenKind, text: string, at: number): void {
    if (kind === 'data' && text === '') return
    this.#tokens.push({ kind, text, line: this.#lineAt(at) })
  }

  /** Line of a place; places come in order. */
  #lineAt(at: number): number {
    for (; this.#counted < at; this.#counted++) if (this.#source.charCodeAt(this.#counted) === 10) this.#line += 1
    return this.#line
  }
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at
  return expression.exec(text)
}

function signAt(text: string, at: number): string {
  const character = text.charAt(at)
  return character === '-' || character === '+' ? character : ''
}
