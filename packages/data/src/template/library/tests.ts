/** All tests: what stands after `is`. */

import { Refused } from '../errors.js'
import type { Run } from '../run.js'
import { isCallable } from '../values/access.js'
import { compute, type Operator } from '../values/arithmetic.js'
import { contains, equals, order } from '../values/compare.js'
import { iteratorOf } from '../values/iterate.js'
import { str } from '../values/repr.js'
import type { Definition } from '../values/signature.js'
import { stringMethods } from '../values/string-methods.js'
import {
  DictValue,
  ListValue,
  MarkupValue,
  ObjectValue,
  RangeValue,
  TupleValue,
  textOf,
  UndefinedValue,
  type Value,
} from '../values/values.js'
import { type Environment, type Named, namedAll } from './environment.js'

function ask(test: (value: Value, run: Run) => boolean): Definition {
  return { parameters: ['value'], run: (run, value = null) => test(value, run) }
}

function compareWith(test: (run: Run, a: Value, b: Value) => boolean, second = 'b'): Definition {
  return { parameters: ['a', second], isPositional: second === 'b', run: (run, a = null, b = null) => test(run, a, b) }
}

function remainder(run: Run, value: Value, divisor: Value, wanted: bigint): boolean {
  const operator: Operator = '%'
  return equals(run, compute(run, operator, value, divisor), wanted)
}

function isSequence(value: Value): boolean {
  return (
    textOf(value) !== undefined ||
    value instanceof ListValue ||
    value instanceof TupleValue ||
    value instanceof DictValue ||
    value instanceof RangeValue ||
    value instanceof UndefinedValue
  )
}

function isNumber(value: Value): boolean {
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean'
}

const [SMALLEST_CACHED, LARGEST_CACHED] = [-5n, 256n] // integers of which CPython has one object each

function isSame(a: Value, b: Value): boolean {
  if (a === null || b === null || typeof a === 'boolean' || typeof b === 'boolean') return a === b
  if (typeof a === 'object' || typeof b === 'object') return a === b
  if (a !== b) return false
  if (typeof a === 'bigint' && a >= SMALLEST_CACHED && a <= LARGEST_CACHED) return true
  throw new Refused('whether equal texts or numbers are one object is not known here')
}

const below = compareWith((run, a, b) => order(run, '<', a, b) < 0)
const above = compareWith((run, a, b) => order(run, '>', a, b) > 0)
const atMost = compareWith((run, a, b) => order(run, '<=', a, b) <= 0)
const atLeast = compareWith((run, a, b) => order(run, '>=', a, b) >= 0)
const equal = compareWith(equals)
const different = compareWith((run, a, b) => !equals(run, a, b))

const definitions: Readonly<Record<string, Definition>> = {
  odd: ask((value, run) => remainder(run, value, 2n, 1n)),
  even: ask((value, run) => remainder(run, value, 2n, 0n)),
  divisibleby: {
    parameters: ['value', 'num'],
    run: (run, value = null, divisor = null) => remainder(run, value, divisor, 0n),
  },
  defined: ask((value) => !(value instanceof UndefinedValue)),
  undefined: ask((value) => value instanceof UndefinedValue),
  none: ask((value) => value === null),
  boolean: ask((value) => typeof value === 'boolean'),
  false: ask((value) => value === false),
  true: ask((value) => value === true),
  integer: ask((value) => typeof value === 'bigint'),
  float: ask((value) => typeof value === 'number'),
  number: ask(isNumber),
  lower: ask((value, run) => stringMethods.islower?.run(run, str(run, value)) === true),
  upper: ask((value, run) => stringMethods.isupper?.run(run, str(run, value)) === true),
  string: ask((value) => textOf(value) !== undefined),
  mapping: ask((value) => value instanceof DictValue),
  sequence: ask(isSequence),
  iterable: ask(
    (value) => iteratorOf(value) !== undefined || (value instanceof ObjectValue && value.length !== undefined),
  ),
  callable: { ...ask(isCallable), isPositional: true },
  escaped: ask((value) => value instanceof MarkupValue),
  sameas: { parameters: ['value', 'other'], run: (_run, a = null, b = null) => isSame(a, b) },
  in: { parameters: ['value', 'seq'], run: (run, value = null, container = null) => contains(run, container, value) },
  '==': equal,
  eq: equal,
  equalto: equal,
  '!=': different,
  ne: different,
  '>': above,
  gt: above,
  greaterthan: above,
  '>=': atLeast,
  ge: atLeast,
  '<': below,
  lt: below,
  lessthan: below,
  '<=': atMost,
  le: atMost,
}

function knows(table: 'filters' | 'tests'): Named {
  return (_run, environment: Environment, { positional: [name] }) =>
    typeof name === 'string' && environment[table].has(name)
}

/** Every test by name. */
export const tests: ReadonlyMap<string, Named> = new Map<string, Named>([
  ...namedAll(definitions),
  ['filter', knows('filters')],
  ['test', knows('tests')],
])
