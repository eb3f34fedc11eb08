/** The names in parts of a template, in the order in which Jinja2 visits them. */
import type { CallArguments, Expression, Name, Statement, Target } from './syntax.js'

/** Every name in an expression. */
export function* namesOf(expression: Expression): Generator<Name> {
  switch (expression.kind) {
    case 'name':
      yield expression
      return
    case 'constant':
      return
    case 'tuple':
    case 'list':
      return yield* namesOfAll(expression.items)
    case 'dict':
      return yield* namesOfAll(expression.pairs.flat())
    case 'binary':
      return yield* namesOfAll([expression.left, expression.right])
    case 'unary':
    case 'attribute':
      return yield* namesOf(expression.value)
    case 'compare':
      return yield* namesOfAll([expression.first, ...expression.rest.map(([, operand]) => operand)])
    case 'concat':
      return yield* namesOfAll(expression.parts)
    case 'item':
      return yield* namesOfAll([expression.value, expression.key])
    case 'slice':
      return yield* namesOfAll([expression.start, expression.stop, expression.step])
    case 'conditional':
      return yield* namesOfAll([expression.test, expression.yes, expression.no])
    case 'call':
      return yield* namesOfAll([expression.callee, ...argumentsOf(expression)])
    case 'filter':
    case 'test':
      return yield* namesOfAll([expression.value, ...argumentsOf(expression)])
  }
}

function argumentsOf({ args, named, list, dict }: CallArguments): readonly (Expression | undefined)[] {
  return [...args, ...named.map(([, value]) => value), list, dict]
}

function* namesOfAll(expressions: readonly (Expression | undefined)[]): Generator<Name> {
  for (const expression of expressions) if (expression !== undefined) yield* namesOf(expression)
}

/** Every name that a target assigns. */
export function* namesOfTarget(target: Target): Generator<Name> {
  if (target.kind === 'name') yield target
  else if (target.kind === 'tuple target') for (const item of target.items) yield* namesOfTarget(item)
}

/** Every name in statements, those in statements inside them too. */
export function* namesIn(statements: readonly Statement[]): Generator<Name> {
  for (const statement of statements) yield* namesInStatement(statement)
}

function* namesInStatement(statement: Statement): Generator<Name> {
  switch (statement.kind) {
    case 'output':
      return yield* namesOfAll(statement.parts.filter((part) => typeof part !== 'string'))
    case 'for':
      yield* namesOfTarget(statement.target)
      yield* namesOf(statement.iterated)
      yield* namesIn(statement.body)
      yield* namesIn(statement.otherwise)
      return yield* namesOfAll([statement.test])
    case 'if':
      yield* namesOf(statement.test)
      yield* namesIn(statement.body)
      yield* namesIn(statement.alternatives)
      return yield* namesIn(statement.otherwise)
    case 'call block':
      yield* namesOf(statement.call)
      yield* statement.parameters
      yield* namesOfAll(statement.defaults)
      return yield* namesIn(statement.body)
    case 'macro':
      yield* statement.parameters
      yield* namesOfAll(statement.defaults)
      return yield* namesIn(statement.body)
    case 'generation':
      return yield* namesIn(statement.body)
    case 'filter block':
      yield* namesIn(statement.body)
      return yield* namesOf(statement.filter)
    case 'assign':
      yield* namesOfTarget(statement.target)
      return yield* namesOf(statement.value)
    case 'assign block':
      yield* namesOfTarget(statement.target)
      yield* namesOfAll([statement.filter])
      return yield* namesIn(statement.body)
    case 'with':
      for (const target of statement.targets) yield* namesOfTarget(target)
      yield* namesOfAll(statement.values)
      return yield* namesIn(statement.body)
  }
}

/** Those of some names that statements read before they assign them. */
export function undeclared(statements: readonly Statement[], names: readonly string[]): ReadonlySet<string> {
  const open = new Set(names)
  const found = new Set<string>()
  for (const { name, use } of namesIn(statements)) {
    if (use === 'load' && open.has(name)) {
      found.add(name)
      if (found.size === open.size) break
    } else open.delete(name)
  }
  return found
}
