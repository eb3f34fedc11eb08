/** Expressions: the grammar of Jinja2, whose precedences differ from Python's in places (`-2 ** 2`, filters, `is`). */
import type { Operator } from '../values/arithmetic.js'
import { parseInteger } from '../values/numbers.js'
import type { Value } from '../values/values.js'
import type { CallArguments, Comparison, Expression, Filter, Target } from './syntax.js'
import { describe, type TokenStream } from './token-stream.js'

/** An expression, or several with commas between them as a tuple. */
export interface TupleOptions {
  /** Whether `a if b` may stand here. Default true. */
  readonly withConditional?: boolean
  /** A name that ends it. */
  readonly endName?: string
  /** Whether `()` is a tuple. */
  readonly isBracketed?: boolean
}

/** One expression. */
export function parseExpression(stream: TokenStream, withConditional = true): Expression {
  return stream.deeper(() => (withConditional ? parseConditional(stream) : parseOr(stream)))
}

function parseConditional(stream: TokenStream): Expression {
  let { line } = stream.current
  let value = parseOr(stream)
  while (stream.skipIf('name', 'if')) {
    const test = parseOr(stream)
    const no = stream.skipIf('name', 'else') ? stream.deeper(() => parseConditional(stream)) : undefined
    value = { kind: 'conditional', test, yes: value, no, line }
    line = stream.current.line
  }
  return value
}

function leftAssociative(
  stream: TokenStream,
  inner: (stream: TokenStream) => Expression,
  operatorHere: () => Operator | 'and' | 'or' | undefined,
): Expression {
  let { line } = stream.current
  let left = inner(stream)
  for (let operator = operatorHere(); operator !== undefined; operator = operatorHere()) {
    stream.next()
    left = { kind: 'binary', operator, left, right: inner(stream), line }
    line = stream.current.line
  }
  return left
}

function operatorOf(stream: TokenStream, operators: readonly Operator[]): Operator | undefined {
  return stream.isOperator(...operators) ? (stream.current.text as Operator) : undefined
}

function parseOr(stream: TokenStream): Expression {
  return leftAssociative(stream, parseAnd, () => (stream.isName('or') ? 'or' : undefined))
}

function parseAnd(stream: TokenStream): Expression {
  return leftAssociative(stream, parseNot, () => (stream.isName('and') ? 'and' : undefined))
}

function parseNot(stream: TokenStream): Expression {
  const { line } = stream.current
  if (!stream.skipIf('name', 'not')) return parseCompare(stream)
  return { kind: 'unary', operator: 'not', value: stream.deeper(() => parseNot(stream)), line }
}

function parseCompare(stream: TokenStream): Expression {
  const { line } = stream.current
  const first = parseSum(stream)
  const rest: (readonly [Comparison, Expression])[] = []
  for (;;) {
    if (stream.isOperator('==', '!=', '<', '<=', '>', '>='))
      rest.push([stream.next().text as Comparison, parseSum(stream)])
    else if (stream.skipIf('name', 'in')) rest.push(['in', parseSum(stream)])
    else if (stream.isName('not') && stream.following.kind === 'name' && stream.following.text === 'in') {
      stream.next()
      stream.next()
      rest.push(['not in', parseSum(stream)])
    } else return rest.length === 0 ? first : { kind: 'compare', first, rest, line }
  }
}

function parseSum(stream: TokenStream): Expression {
  return leftAssociative(stream, parseConcat, () => operatorOf(stream, ['+', '-']))
}

function parseConcat(stream: TokenStream): Expression {
  const { line } = stream.current
  const parts = [parseProduct(stream)]
  while (stream.skipIf('operator', '~')) parts.push(parseProduct(stream))
  return parts.length === 1 ? (parts[0] as Expression) : { kind: 'concat', parts, line }
}

function parseProduct(stream: TokenStream): Expression {
  return leftAssociative(stream, parsePower, () => operatorOf(stream, ['*', '/', '//', '%']))
}

function parsePower(stream: TokenStream): Expression {
  return leftAssociative(
    stream,
    (inner) => parseUnary(inner, true),
    () => operatorOf(stream, ['**']),
  )
}

function parseUnary(stream: TokenStream, withFilter: boolean): Expression {
  const { line } = stream.current
  let value: Expression
  if (stream.isOperator('-', '+')) {
    const operator = stream.next().text as '-' | '+'
    value = { kind: 'unary', operator, value: stream.deeper(() => parseUnary(stream, false)), line }
  } else value = parsePrimary(stream)
  value = parsePostfix(stream, value)
  return withFilter ? parseFilters(stream, value) : value
}

const CONSTANTS: Readonly<Record<string, Value>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
}

function parsePrimary(stream: TokenStream): Expression {
  const { kind, text, line } = stream.current
  if (kind === 'name') {
    stream.next()
    return Object.hasOwn(CONSTANTS, text)
      ? { kind: 'constant', value: CONSTANTS[text] as Value, line }
      : { kind: 'name', name: text, use: 'load', line }
  }
  if (kind === 'string') {
    let value = ''
    while (stream.is('string')) value += stream.next().text
    return { kind: 'constant', value, line }
  }
  if (kind === 'integer' || kind === 'float') {
    stream.next()
    return { kind: 'constant', value: kind === 'float' ? Number(text) : parseInteger(text, 0), line }
  }
  if (stream.isOperator('(')) {
    stream.next()
    const value = parseTuple(stream, { isBracketed: true })
    stream.expect('operator', ')')
    return value
  }
  if (stream.isOperator('['))
    return { kind: 'list', items: parseItems(stream, ']', () => parseExpression(stream)), line }
  if (stream.isOperator('{')) {
    const pairs = parseItems(stream, '}', () => {
      const key = parseExpression(stream)
      stream.expect('operator', ':')
      return [key, parseExpression(stream)] as const
    })
    return { kind: 'dict', pairs, line }
  }
  return stream.fail(`unexpected '${describe(stream.current)}'`)
}

function parseItems<T>(stream: TokenStream, end: string, one: () => T): T[] {
  stream.next()
  const items: T[] = []
  while (!stream.isOperator(end)) {
    if (items.length > 0) stream.expect('operator', ',')
    if (stream.isOperator(end)) break
    items.push(one())
  }
  stream.next()
  return items
}

/** An expression, or several as a tuple. Throws TemplateSyntaxError. */
export function parseTuple(stream: TokenStream, options: TupleOptions = {}): Expression {
  const { withConditional = true, endName, isBracketed = false } = options
  const { items, isTuple, line } = parseListed(stream, endName, () => parseExpression(stream, withConditional))
  if (!isTuple && items[0] !== undefined) return items[0]
  if (!isTuple && !isBracketed) stream.fail(`Expected an expression, got '${describe(stream.current)}'`)
  return { kind: 'tuple', items, line }
}

function parseListed<T>(stream: TokenStream, endName: string | undefined, one: () => T) {
  const { line } = stream.current
  const items: T[] = []
  let isTuple = false
  for (;;) {
    if (items.length > 0) stream.expect('operator', ',')
    const isEnd = stream.is('variable_end') || stream.is('block_end') || stream.isOperator(')')
    if (isEnd || (endName !== undefined && stream.isName(endName))) break
    items.push(one())
    if (!stream.isOperator(',')) break
    isTuple = true
  }
  return { items, isTuple, line }
}

/** What is assigned to. withNamespace: `ns.x` may be. */
export function parseTarget(stream: TokenStream, endName: string | undefined, withNamespace: boolean): Target {
  const { items, isTuple, line } = parseListed(stream, endName, () => parseTargetItem(stream, withNamespace))
  if (!isTuple && items[0] !== undefined) return items[0]
  if (!isTuple) stream.fail(`Expected an expression, got '${describe(stream.current)}'`)
  return { kind: 'tuple target', items, line }
}

function parseTargetItem(stream: TokenStream, withNamespace: boolean): Target {
  const { line } = stream.current
  if (stream.skipIf('operator', '(')) {
    const inner = parseTargetInBrackets(stream)
    stream.expect('operator', ')')
    return inner
  }
  const name = parseName(stream, 'store')
  if (!withNamespace || !stream.skipIf('operator', '.')) return name
  return { kind: 'namespace attribute', name: name.name, attribute: stream.expect('name').text, line }
}

function parseTargetInBrackets(stream: TokenStream): Target {
  return stream.deeper(() => {
    const { items, isTuple, line } = parseListed(stream, undefined, () => parseTargetItem(stream, false))
    return !isTuple && items[0] !== undefined ? items[0] : { kind: 'tuple target', items, line }
  })
}

/** A name that can be assigned to. */
export function parseName(stream: TokenStream, use: 'store' | 'parameter') {
  const { text: name, line } = stream.current
  if (stream.is('name') && Object.hasOwn(CONSTANTS, name)) stream.fail(`can't assign to '${name}'`)
  stream.expect('name')
  return { kind: 'name', name, use, line } as const
}

function parsePostfix(stream: TokenStream, value: Expression): Expression {
  for (;;) {
    if (stream.isOperator('.')) value = parseAttribute(stream, value)
    else if (stream.isOperator('[')) value = parseItem(stream, value)
    else if (stream.isOperator('(')) value = parseCall(stream, value)
    else return value
  }
}

function parseAttribute(stream: TokenStream, value: Expression): Expression {
  const { line } = stream.next()
  const { kind, text } = stream.next()
  if (kind === 'name') return { kind: 'attribute', value, name: text, line }
  if (kind !== 'integer') stream.fail('expected name or number')
  return { kind: 'item', value, key: { kind: 'constant', value: parseInteger(text, 0), line }, line }
}

function parseItem(stream: TokenStream, value: Expression): Expression {
  const { line } = stream.next()
  const keys: Expression[] = []
  while (!stream.isOperator(']')) {
    if (keys.length > 0) stream.expect('operator', ',')
    keys.push(parseKey(stream))
  }
  stream.next()
  const [key] = keys
  if (key !== undefined && keys.length === 1) return { kind: 'item', value, key, line }
  return { kind: 'item', value, key: { kind: 'tuple', items: keys, line }, line }
}

function parseKey(stream: TokenStream): Expression {
  const { line } = stream.current
  let start: Expression | undefined
  if (!stream.isOperator(':')) {
    start = parseExpression(stream)
    if (!stream.isOperator(':')) return start
  }
  stream.next()
  const part = () => (stream.isOperator(':', ']', ',') ? undefined : parseExpression(stream))
  const stop = part()
  const step = stream.skipIf('operator', ':') ? part() : undefined
  return { kind: 'slice', start, stop, step, line }
}

function parseCall(stream: TokenStream, callee: Expression): Expression {
  const { line } = stream.current
  return { kind: 'call', callee, ...parseArguments(stream), line }
}

function parseArguments(stream: TokenStream): CallArguments {
  const { line } = stream.expect('operator', '(')
  const args: Expression[] = []
  const named: (readonly [string, Expression])[] = []
  let list: Expression | undefined
  let dict: Expression | undefined
  const ensure = (isRight: boolean) => {
    if (!isRight) stream.fail('invalid syntax for function call expression', line)
  }
  for (let isFirst = true; !stream.isOperator(')'); isFirst = false) {
    if (!isFirst) {
      stream.expect('operator', ',')
      if (stream.isOperator(')')) break
    }
    if (stream.isOperator('*')) {
      ensure(list === undefined && dict === undefined)
      stream.next()
      list = parseExpression(stream)
    } else if (stream.isOperator('**')) {
      ensure(dict === undefined)
      stream.next()
      dict = parseExpression(stream)
    } else if (stream.is('name') && stream.following.kind === 'operator' && stream.following.text === '=') {
      ensure(dict === undefined)
      const { text: name } = stream.next()
      stream.next()
      if (named.some(([other]) => other === name)) stream.fail(`keyword argument repeated: ${name}`, line)
      named.push([name, parseExpression(stream)])
    } else {
      ensure(list === undefined && dict === undefined && named.length === 0)
      args.push(parseExpression(stream))
    }
  }
  stream.next()
  return { args, named, list, dict }
}

const NO_ARGUMENTS: CallArguments = { args: [], named: [], list: undefined, dict: undefined }

function parseFilters(stream: TokenStream, value: Expression): Expression {
  for (;;) {
    if (stream.isOperator('|')) {
      stream.next()
      value = parseFilter(stream, value)
    } else if (stream.isName('is')) value = parseTest(stream, value)
    else if (stream.isOperator('(')) value = parseCall(stream, value)
    else return value
  }
}

/** One filter, from its name on. value: undefined for what a block holds. */
export function parseFilter(stream: TokenStream, value: Expression | undefined): Filter {
  const { line } = stream.current
  const name = parseDottedName(stream)
  const args = stream.isOperator('(') ? parseArguments(stream) : NO_ARGUMENTS
  return { kind: 'filter', value, name, ...args, line }
}

function parseDottedName(stream: TokenStream): string {
  let name = stream.expect('name').text
  while (stream.skipIf('operator', '.')) name += `.${stream.expect('name').text}`
  return name
}

function parseTest(stream: TokenStream, value: Expression): Expression {
  const { line } = stream.next()
  const isNegated = stream.skipIf('name', 'not')
  const name = parseDottedName(stream)
  let args = NO_ARGUMENTS
  if (stream.isOperator('(')) args = parseArguments(stream)
  else if (startsOperand(stream)) {
    if (stream.isName('is')) stream.fail('You cannot chain multiple tests with is')
    args = { ...NO_ARGUMENTS, args: [parsePostfix(stream, parsePrimary(stream))] }
  }
  const test: Expression = { kind: 'test', value, name, ...args, line }
  return isNegated ? { kind: 'unary', operator: 'not', value: test, line } : test
}

function startsOperand(stream: TokenStream): boolean {
  const { kind } = stream.current
  if (kind === 'name') return !stream.isName('else', 'or', 'and')
  return kind === 'string' || kind === 'integer' || kind === 'float' || stream.isOperator('[', '{')
}
