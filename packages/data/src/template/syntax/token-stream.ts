/** Tokens one after another, as a parser takes them. */
import { Raised, Refused } from '../errors.js'
import type { Token, TokenKind } from './lexer.js'

const DEEPEST = 100 // brackets in brackets, tags in tags; Python's own parser ends near this

export class TokenStream {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get current(): Token {
    return this.#tokens[this.#at] as Token
  }

  /** The token after the current one. */
  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token
  }

  next(): Token {
    const token = this.current
    if (token.kind !== 'eof') this.#at += 1
    return token
  }

  /** Whether the current token is a name or an operator of this text. */
  is(kind: TokenKind, text?: string): boolean {
    return this.current.kind === kind && (text === undefined || this.current.text === text)
  }

  isOperator(...texts: readonly string[]): boolean {
    return this.current.kind === 'operator' && texts.includes(this.current.text)
  }

  isName(...texts: readonly string[]): boolean {
    return this.current.kind === 'name' && texts.includes(this.current.text)
  }

  skipIf(kind: TokenKind, text: string): boolean {
    const isThere = this.is(kind, text)
    if (isThere) this.next()
    return isThere
  }

  /** Takes the token; throws TemplateSyntaxError when it is another. */
  expect(kind: TokenKind, text?: string): Token {
    if (this.is(kind, text)) return this.next()
    const wanted = text ?? named(kind)
    return this.fail(
      this.current.kind === 'eof'
        ? `unexpected end of template, expected '${wanted}'.`
        : `expected token '${wanted}', got '${describe(this.current)}'`,
    )
  }

  fail(message: string, line = this.current.line): never {
    throw new Raised('TemplateSyntaxError', message, line)
  }

  /** What a function gives, one level deeper. Throws Refused when levels are too many. */
  deeper<T>(inner: () => T): T {
    this.#depth += 1
    if (this.#depth > DEEPEST) throw new Refused('it is nested too deeply', this.current.line)
    const result = inner()
    this.#depth -= 1
    return result
  }
}

/** A token in a message. */
export function describe(token: Token): string {
  return token.kind === 'name' || token.kind === 'operator' ? token.text : named(token.kind)
}

function named(kind: TokenKind): string {
  const names: Partial<Record<TokenKind, string>> = {
    block_begin: 'begin of statement block',
    block_end: 'end of statement block',
    variable_begin: 'begin of print statement',
    variable_end: 'end of print statement',
    data: 'template data / text',
    eof: 'end of template',
  }
  return names[kind] ?? kind
}
