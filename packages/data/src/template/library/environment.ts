/** What a template can name: filters and tests. The tables themselves are in filters.ts and tests.ts. */
import { Raised } from '../errors.js'
import type { Run } from '../run.js'
import { quoted } from '../values/repr.js'
import { bind, type Definition } from '../values/signature.js'
import { type Arguments, countReading, typeName, UndefinedValue, type Value } from '../values/values.js'

/** A filter or a test; the value it is applied to is the first of the arguments. */
export type Named = (run: Run, environment: Environment, args: Arguments) => Value

/** Filters and tests by name. */
export interface Environment {
  readonly filters: ReadonlyMap<string, Named>
  readonly tests: ReadonlyMap<string, Named>
}

/** Filters or tests of functions with named parameters. */
export function namedAll(definitions: Readonly<Record<string, Definition>>): [string, Named][] {
  return Object.entries(definitions).map(([name, definition]) => [
    name,
    (run, _environment, args) => definition.run(run, ...bind(name, definition, args)),
  ])
}

/** Applies a filter or a test that is named by a value. Throws TemplateRuntimeError for an unknown name. */
export function applyNamed(
  run: Run,
  environment: Environment,
  kind: 'filter' | 'test',
  name: Value,
  args: Arguments,
): Value {
  const named = typeof name === 'string' ? environment[kind === 'filter' ? 'filters' : 'tests'].get(name) : undefined
  if (named !== undefined) return callNamed(run, environment, named, args)
  const shown = typeof name === 'string' ? quoted(name) : name instanceof UndefinedValue ? 'Undefined' : typeName(name)
  throw new Raised('TemplateRuntimeError', `No ${kind} named ${shown}.`)
}

/** Applies a filter or a test. */
export function callNamed(run: Run, environment: Environment, named: Named, args: Arguments): Value {
  run.step()
  countReading(run, args.positional)
  return named(run, environment, args)
}

/** Arguments by place alone. */
export function positional(...values: Value[]): Arguments {
  return { positional: values, named: new Map() }
}
