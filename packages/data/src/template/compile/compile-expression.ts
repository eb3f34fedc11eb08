/** Expressions as functions of a rendering. */

import { Raised, Refused, typeError } from '../errors.js'
import { callNamed, type Named } from '../library/environment.js'
import { filters } from '../library/filters.js'
import { tests } from '../library/tests.js'
import { Run } from '../run.js'
import { namesOf } from '../syntax/names.js'
import type { Symbols } from '../syntax/symbols.js'
import type { Call, CallArguments, Comparison, Expression, Filter, Test } from '../syntax/syntax.js'
import { callValue, getAttribute, getItem, isSliceable, slice } from '../values/access.js'
import { compute, signed } from '../values/arithmetic.js'
import { contains, equals, order } from '../values/compare.js'
import { iterate } from '../values/iterate.js'
import { str } from '../values/repr.js'
import {
  type Arguments,
  DictValue,
  isTrue,
  ListValue,
  SliceValue,
  TupleValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from '../values/values.js'
import { type Activation, type Rendering, reader } from './rendering.js'

/** A compiled expression. */
export type Evaluate = (rendering: Rendering, activation: Activation) => Value

/** Where an expression stands. */
export interface Frame {
  readonly symbols: Symbols
  /** Inside a condition, where an unknown filter is an error only when it runs. */
  readonly isSoft: boolean
  /** Whether a loop of this function can be left. */
  readonly isInLoop: boolean
}

/** The frame inside a condition. */
export function soft(frame: Frame): Frame {
  return frame.isSoft ? frame : { ...frame, isSoft: true }
}

/** Compiles an expression. Throws TemplateSyntaxError. */
export function compileExpression(expression: Expression, frame: Frame): Evaluate {
  switch (expression.kind) {
    case 'constant': {
      const { value } = expression
      return () => value
    }
    case 'name':
      return compileName(expression.name, frame)
    case 'tuple': {
      const items = compileAll(expression.items, frame)
      return (r, a) => new TupleValue(items.map((item) => item(r, a)))
    }
    case 'list': {
      const items = compileAll(expression.items, frame)
      return (r, a) => new ListValue(items.map((item) => item(r, a)))
    }
    case 'dict': {
      const pairs = expression.pairs.map((pair) => compileAll(pair, frame) as [Evaluate, Evaluate])
      return (r, a) => {
        const dict = new DictValue()
        for (const [key, value] of pairs) dict.set(r.run, key(r, a), value(r, a))
        return dict
      }
    }
    case 'binary':
      return compileBinary(expression, frame)
    case 'unary': {
      const { operator } = expression
      const value = compileExpression(expression.value, frame)
      return operator === 'not' ? (r, a) => !isTrue(value(r, a)) : (r, a) => signed(operator, value(r, a))
    }
    case 'compare':
      return compileCompare(expression.first, expression.rest, frame)
    case 'concat': {
      const parts = compileAll(expression.parts, frame)
      return (r, a) => {
        let text = ''
        for (const part of parts) {
          const next = str(r.run, part(r, a))
          r.run.text(text.length + next.length)
          text += next
        }
        return text
      }
    }
    case 'attribute': {
      const { name } = expression
      const value = compileExpression(expression.value, frame)
      return (r, a) => {
        r.run.step()
        return getAttribute(r.run, value(r, a), name)
      }
    }
    case 'item':
      return compileItem(expression.value, expression.key, frame)
    case 'slice':
      throw new Raised('TemplateSyntaxError', 'a slice stands beside a comma', expression.line)
    case 'conditional': {
      const inner = soft(frame)
      const { line } = expression
      const [test, yes] = [compileExpression(expression.test, inner), compileExpression(expression.yes, inner)]
      const no = expression.no === undefined ? undefined : compileExpression(expression.no, inner)
      const message = `the inline if-expression on line ${line} evaluated to false and no else section was defined.`
      return (r, a) =>
        isTrue(test(r, a)) ? yes(r, a) : (no?.(r, a) ?? (no === undefined ? new UndefinedValue(message) : null))
    }
    case 'call':
      return compileCall(expression, frame)
    case 'filter':
      return compileFilter(expression, frame, undefined)
    case 'test':
      return compileNamed(
        'test',
        expression,
        tests.get(expression.name),
        compileExpression(expression.value, frame),
        frame,
      )
  }
}

function compileAll(expressions: readonly Expression[], frame: Frame): Evaluate[] {
  return expressions.map((expression) => compileExpression(expression, frame))
}

function compileName(name: string, { symbols }: Frame): Evaluate {
  const slot = symbols.find(name)
  if (slot === undefined) throw new Raised('AssertionError', `the name ${name} is not known where it stands`)
  const read = reader(slot, symbols.scope)
  const message = `'${name}' is undefined`
  return (_r, a) => {
    const value = read(a)
    return value === undefined ? new UndefinedValue(message) : value
  }
}

function compileBinary(expression: Expression & { kind: 'binary' }, frame: Frame): Evaluate {
  const { operator } = expression
  const left = compileExpression(expression.left, frame)
  const right = compileExpression(expression.right, frame)
  if (operator === 'and')
    return (r, a) => {
      const value = left(r, a)
      return isTrue(value) ? right(r, a) : value
    }
  if (operator === 'or')
    return (r, a) => {
      const value = left(r, a)
      return isTrue(value) ? value : right(r, a)
    }
  const constant = operator === '**' ? constantOf(expression.left) : undefined
  if (
    (typeof constant === 'bigint' || typeof constant === 'number') &&
    constant < 0 &&
    constantOf(expression.right) === undefined
  )
    // Jinja2 writes the constant into Python's text, where ** binds more tightly than the sign.
    return (r, a) => signed('-', compute(r.run, '**', signed('-', constant), right(r, a)))
  return (r, a) => {
    const value = left(r, a)
    return compute(r.run, operator, value, right(r, a))
  }
}

/** The value of an expression of numbers alone, which Jinja2 computes when it compiles; undefined for others. */
function constantOf(expression: Expression): Value | undefined {
  if (expression.kind === 'constant') return expression.value
  if (expression.kind !== 'unary' && expression.kind !== 'binary') return undefined
  try {
    if (expression.kind === 'unary') {
      const value = constantOf(expression.value)
      if (value === undefined) return undefined
      return expression.operator === 'not' ? !isTrue(value) : signed(expression.operator, value)
    }
    const [left, right] = [constantOf(expression.left), constantOf(expression.right)]
    if (left === undefined || right === undefined) return undefined
    if (expression.operator === 'and') return isTrue(left) ? right : left
    if (expression.operator === 'or') return isTrue(left) ? left : right
    return compute(new Run(), expression.operator, left, right)
  } catch {
    return undefined // raised again where it runs
  }
}

function compileCompare(
  first: Expression,
  rest: readonly (readonly [Comparison, Expression])[],
  frame: Frame,
): Evaluate {
  const start = compileExpression(first, frame)
  const steps = rest.map(([operator, operand]) => [operator, compileExpression(operand, frame)] as const)
  return (r, a) => {
    let left = start(r, a)
    for (const [operator, operand] of steps) {
      const right = operand(r, a)
      if (!holds(r.run, operator, left, right)) return false
      left = right
    }
    return true
  }
}

function holds(run: Run, operator: Comparison, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return equals(run, left, right)
    case '!=':
      return !equals(run, left, right)
    case 'in':
      return contains(run, right, left)
    case 'not in':
      return !contains(run, right, left)
    case '<':
      return order(run, operator, left, right) < 0
    case '<=':
      return order(run, operator, left, right) <= 0
    case '>':
      return order(run, operator, left, right) > 0
    case '>=':
      return order(run, operator, left, right) >= 0
  }
}

function compileItem(owner: Expression, key: Expression, frame: Frame): Evaluate {
  const value = compileExpression(owner, frame)
  if (key.kind !== 'slice') {
    const index = compileExpression(key, frame)
    return (r, a) => {
      r.run.step()
      const object = value(r, a)
      return getItem(r.run, object, index(r, a))
    }
  }
  const [start, stop, step] = [key.start, key.stop, key.step].map((part) =>
    part === undefined ? undefined : compileExpression(part, frame),
  )
  const isConstant = [...namesOf(owner)].length === 0
  return (r, a) => {
    const object = value(r, a)
    if (isConstant && !isSliceable(object)) throw new Refused('a constant that has no parts is sliced', key.line)
    const bounds = new SliceValue(start?.(r, a) ?? null, stop?.(r, a) ?? null, step?.(r, a) ?? null)
    return slice(r.run, object, bounds)
  }
}

type EvaluateArguments = (rendering: Rendering, activation: Activation) => Arguments

const NONE: ReadonlyMap<string, Value> = new Map()

/** Compiles the arguments of a call. first: one that comes before them. */
function compileArguments(given: CallArguments, first: Evaluate | undefined, frame: Frame): EvaluateArguments {
  const args = [...(first === undefined ? [] : [first]), ...compileAll(given.args, frame)]
  const named = given.named.map(([name, value]) => [name, compileExpression(value, frame)] as const)
  const list = given.list === undefined ? undefined : compileExpression(given.list, frame)
  const dict = given.dict === undefined ? undefined : compileExpression(given.dict, frame)
  return (r, a) => {
    const positional = args.map((argument) => argument(r, a))
    if (named.length === 0 && list === undefined && dict === undefined) return { positional, named: NONE }
    const keywords = new Map(named.map(([name, value]) => [name, value(r, a)] as const))
    if (list !== undefined) positional.push(...iterate(r.run, list(r, a)))
    if (dict !== undefined) spread(r.run, dict(r, a), keywords)
    return { positional, named: keywords }
  }
}

function spread(run: Run, dict: Value, keywords: Map<string, Value>): void {
  if (!(dict instanceof DictValue)) typeError(`argument after ** must be a mapping, not ${typeName(dict)}`)
  run.step(dict.entries.size)
  for (const [key, value] of dict.entries.values()) {
    const name = textOf(key) ?? typeError('keywords must be strings')
    if (keywords.has(name)) typeError(`got multiple values for keyword argument '${name}'`)
    keywords.set(name, value)
  }
}

/** Compiles a call. withCaller: its `caller`, for a call block. */
export function compileCall(call: Call, frame: Frame, withCaller?: Evaluate): Evaluate {
  const callee = compileExpression(call.callee, frame)
  const args = compileArguments(call, undefined, frame)
  if (withCaller !== undefined && call.named.some(([name]) => name === 'caller'))
    throw new Raised('TemplateSyntaxError', 'keyword argument repeated: caller', call.line)
  return (r, a) => {
    const value = callee(r, a)
    const given = args(r, a)
    if (withCaller === undefined) return callValue(r.run, value, given)
    return callValue(r.run, value, {
      positional: given.positional,
      named: new Map([...given.named, ['caller', withCaller(r, a)]]),
    })
  }
}

/** Compiles a filter. held: what a block holds, for the innermost of its filters. */
export function compileFilter(filter: Filter, frame: Frame, held: Evaluate | undefined): Evaluate {
  const { value } = filter
  const inner =
    value === undefined
      ? held
      : value.kind === 'filter'
        ? compileFilter(value, frame, held)
        : compileExpression(value, frame)
  return compileNamed('filter', filter, filters.get(filter.name), inner, frame)
}

function compileNamed(
  kind: 'filter' | 'test',
  node: Filter | Test,
  named: Named | undefined,
  value: Evaluate | undefined,
  frame: Frame,
): Evaluate {
  const args = compileArguments(node, value, frame)
  if (named !== undefined) return (r, a) => callNamed(r.run, r.environment, named, args(r, a))
  if (!frame.isSoft) throw new Raised('TemplateSyntaxError', `No ${kind} named '${node.name}'.`, node.line)
  return () => {
    throw new Raised('TemplateRuntimeError', `No ${kind} named '${node.name}' found.`, node.line)
  }
}
