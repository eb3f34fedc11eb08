/** Binds the arguments of a call to the parameters of a function, as Python does. */
import { typeError } from '../errors.js'
import type { Run } from '../run.js'
import { type Arguments, CallableValue, type Value } from './values.js'

/** A parameter: its name, or its name and default. */
export type Parameter = string | readonly [name: string, value: Value]

/** A function whose parameters have names. */
export interface Definition {
  readonly parameters: readonly Parameter[]
  /** Whether arguments are given by their place only. */
  readonly isPositional?: boolean
  readonly run: (run: Run, ...values: Value[]) => Value
}

/** The value of each parameter. Throws TypeError. */
export function bind(name: string, { parameters, isPositional }: Definition, args: Arguments): Value[] {
  const { positional, named } = args
  if (positional.length > parameters.length)
    typeError(`${name}() takes ${parameters.length} arguments but ${positional.length} were given`)
  if (isPositional === true && named.size > 0) typeError(`${name}() takes no keyword arguments`)
  let used = 0
  const values = parameters.map((parameter, index) => {
    const [key, fallback] = typeof parameter === 'string' ? [parameter, undefined] : parameter
    const given = named.get(key)
    if (given !== undefined) used += 1
    if (index >= positional.length)
      return given !== undefined ? given : fallback !== undefined ? fallback : missing(name, key)
    if (given !== undefined) typeError(`${name}() got multiple values for argument '${key}'`)
    return positional[index] as Value
  })
  if (used < named.size) {
    const known = parameters.map((parameter) => (typeof parameter === 'string' ? parameter : parameter[0]))
    const other = [...named.keys()].find((key) => !known.includes(key))
    if (other !== undefined) typeError(`${name}() got an unexpected keyword argument '${other}'`)
  }
  return values
}

function missing(name: string, key: string): never {
  return typeError(`${name}() missing 1 required positional argument: '${key}'`)
}

/** A method as a value. first: what it belongs to. */
export function method(name: string, definition: Definition, first: Value): CallableValue {
  return new CallableValue(name, (run, args) => {
    const own = { ...definition, parameters: definition.parameters.slice(1) }
    return definition.run(run, first, ...bind(name, own, args))
  })
}
