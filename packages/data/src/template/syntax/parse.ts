/** Statements: a template's text as a list of them. Inheritance and other templates' files are refused; chat templates have neither. */
import { Refused } from '../errors.js'
import { tokenize } from './lexer.js'
import { parseExpression, parseFilter, parseName, parseTarget, parseTuple } from './parse-expression.js'
import type { Expression, Filter, Generation, If, Name, Parameters, Statement, Target } from './syntax.js'
import { TokenStream } from './token-stream.js'

/** The statements of a template. Throws TemplateSyntaxError, and Refused for tags that this does not have. */
export function parseTemplate(source: string): readonly Statement[] {
  const parser = new Parser(new TokenStream(tokenize(source)))
  return parser.body([])
}

const REFUSED = new Set(['block', 'extends', 'include', 'import', 'from', 'autoescape'])

class Parser {
  readonly #stream: TokenStream
  readonly #awaited: (readonly string[])[] = []

  constructor(stream: TokenStream) {
    this.#stream = stream
  }

  /** Statements up to a tag of one of these names, which is not taken; up to the end where there are none. */
  body(ends: readonly string[]): readonly Statement[] {
    const stream = this.#stream
    const statements: Statement[] = []
    let parts: (string | Expression)[] = []
    let { line } = stream.current
    const flush = () => {
      if (parts.length > 0) statements.push({ kind: 'output', parts, line })
      parts = []
    }
    if (ends.length > 0) this.#awaited.push(ends)
    for (;;) {
      if (parts.length === 0) line = stream.current.line
      if (stream.is('data')) parts.push(stream.next().text)
      else if (stream.is('variable_begin')) {
        stream.next()
        parts.push(parseTuple(stream))
        stream.expect('variable_end')
      } else if (stream.is('block_begin')) {
        flush()
        stream.next()
        if (stream.isName(...ends)) break
        statements.push(...stream.deeper(() => this.#statement()))
        stream.expect('block_end')
      } else {
        flush()
        if (ends.length > 0)
          stream.fail(`Unexpected end of template. Jinja was looking for the following tags: ${quotedList(ends)}.`)
        break
      }
    }
    if (ends.length > 0) this.#awaited.pop()
    return statements
  }

  /** What a tag holds, up to an end tag, which is taken where there is one kind of it. */
  #enclosed(...ends: readonly string[]): readonly Statement[] {
    this.#stream.skipIf('operator', ':')
    this.#stream.expect('block_end')
    const body = this.body(ends)
    if (ends.length === 1) this.#stream.next()
    return body
  }

  #statement(): readonly Statement[] {
    const stream = this.#stream
    const { text, line } = stream.is('name') ? stream.current : stream.fail('tag name expected')
    if (REFUSED.has(text)) throw new Refused(`the tag ${text} is not run here`, line)
    stream.next()
    switch (text) {
      case 'for':
        return [this.#for(line)]
      case 'if':
        return [this.#if(line)]
      case 'set':
        return [this.#set(line)]
      case 'macro':
        return [this.#macro(line)]
      case 'call':
        return [this.#call(line)]
      case 'filter': {
        const filter = this.#filters(parseFilter(stream, undefined))
        return [{ kind: 'filter block', filter, body: this.#enclosed('endfilter'), line }]
      }
      case 'with':
        return [this.#with(line)]
      case 'print':
        return this.#print(line)
      case 'generation':
        return [{ kind: 'generation', body: this.#enclosed('endgeneration'), line } satisfies Generation]
      case 'break':
      case 'continue':
        return [{ kind: text, line }]
    }
    return this.#unknown(text, line)
  }

  #unknown(tag: string, line: number): never {
    const innermost = this.#awaited.at(-1)
    const expected =
      innermost === undefined ? '' : ` Jinja was looking for the following tags: ${quotedList(innermost)}.`
    return this.#stream.fail(`Encountered unknown tag '${tag}'.${expected}`, line)
  }

  #for(line: number): Statement {
    const stream = this.#stream
    const target = parseTarget(stream, 'in', false)
    stream.expect('name', 'in')
    const iterated = parseTuple(stream, { withConditional: false, endName: 'recursive' })
    const test = stream.skipIf('name', 'if') ? parseExpression(stream) : undefined
    const isRecursive = stream.skipIf('name', 'recursive')
    const body = this.#enclosed('endfor', 'else')
    const otherwise = stream.next().text === 'else' ? this.#enclosed('endfor') : []
    return { kind: 'for', target, iterated, body, otherwise, test, isRecursive, line }
  }

  #if(line: number): If {
    const stream = this.#stream
    const test = parseTuple(stream, { withConditional: false })
    const body = this.#enclosed('elif', 'else', 'endif')
    const alternatives: If[] = []
    for (;;) {
      const { text } = stream.next()
      if (text !== 'elif') {
        const otherwise = text === 'else' ? this.#enclosed('endif') : []
        return { kind: 'if', test, body, alternatives, otherwise, line }
      }
      const own = stream.current.line
      const condition = parseTuple(stream, { withConditional: false })
      const inner = this.#enclosed('elif', 'else', 'endif')
      alternatives.push({ kind: 'if', test: condition, body: inner, alternatives: [], otherwise: [], line: own })
    }
  }

  #set(line: number): Statement {
    const stream = this.#stream
    const target = parseTarget(stream, undefined, true)
    if (stream.skipIf('operator', '=')) return { kind: 'assign', target, value: parseTuple(stream), line }
    const filter = stream.isOperator('|') ? this.#filters(undefined) : undefined
    return { kind: 'assign block', target, filter, body: this.#enclosed('endset'), line }
  }

  #filters(first: Filter): Filter
  #filters(first: Filter | undefined): Filter | undefined
  #filters(first: Filter | undefined): Filter | undefined {
    let filter = first
    while (this.#stream.skipIf('operator', '|')) filter = parseFilter(this.#stream, filter)
    return filter
  }

  #macro(line: number): Statement {
    const { name } = parseName(this.#stream, 'store')
    return { kind: 'macro', name, ...this.#parameters(), body: this.#enclosed('endmacro'), line }
  }

  #call(line: number): Statement {
    const parameters = this.#stream.isOperator('(') ? this.#parameters() : { parameters: [], defaults: [] }
    const call = parseExpression(this.#stream)
    if (call.kind !== 'call') this.#stream.fail('expected call', line)
    return { kind: 'call block', ...parameters, call, body: this.#enclosed('endcall'), line }
  }

  #parameters(): Parameters {
    const stream = this.#stream
    const parameters: Name[] = []
    const defaults: Expression[] = []
    stream.expect('operator', '(')
    while (!stream.isOperator(')')) {
      if (parameters.length > 0) stream.expect('operator', ',')
      const parameter = parseName(stream, 'parameter')
      if (parameters.some(({ name }) => name === parameter.name))
        stream.fail(`duplicate argument '${parameter.name}' in function definition`)
      if (stream.skipIf('operator', '=')) defaults.push(parseExpression(stream))
      else if (defaults.length > 0) stream.fail('non-default argument follows default argument')
      parameters.push(parameter)
    }
    stream.next()
    return { parameters, defaults }
  }

  #with(line: number): Statement {
    const stream = this.#stream
    const targets: Target[] = []
    const values: Expression[] = []
    while (!stream.is('block_end')) {
      if (targets.length > 0) stream.expect('operator', ',')
      targets.push(asParameter(parseTarget(stream, undefined, false)))
      stream.expect('operator', '=')
      values.push(parseExpression(stream))
    }
    return { kind: 'with', targets, values, body: this.#enclosed('endwith'), line }
  }

  #print(line: number): readonly Statement[] {
    const parts: Expression[] = []
    while (!this.#stream.is('block_end')) {
      if (parts.length > 0) this.#stream.expect('operator', ',')
      parts.push(parseExpression(this.#stream))
    }
    return [{ kind: 'output', parts, line }]
  }
}

function asParameter(target: Target): Target {
  if (target.kind === 'name') return { ...target, use: 'parameter' }
  return target.kind === 'tuple target' ? { ...target, items: target.items.map(asParameter) } : target
}

function quotedList(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(' or ')
}
