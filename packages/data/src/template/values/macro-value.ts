/** Macros as values: how their arguments find their parameters. */
import { typeError } from '../errors.js'
import { quoted } from './repr.js'
import { type Arguments, CallableValue, DictValue, TupleValue, UndefinedValue, type Value } from './values.js'

/** What a macro declares. */
export interface MacroShape {
  /** undefined for the body of a call block. */
  readonly name: string | undefined
  readonly parameters: readonly string[]
  /** Whether its body reads `kwargs`, `varargs` and `caller`. */
  readonly readsKeywords: boolean
  readonly readsPositions: boolean
  readonly readsCaller: boolean
}

/** A macro. invoke: runs its body with a value, or nothing, for each parameter, then caller, kwargs and varargs where it reads them. */
export function macroValue(shape: MacroShape, invoke: (values: readonly (Value | undefined)[]) => string): Value {
  const { name, parameters, readsKeywords, readsPositions, readsCaller } = shape
  return new CallableValue(
    name ?? 'caller',
    (_run, args) => invoke(bindMacro(shape, args)),
    `<Macro ${name === undefined ? 'anonymous' : quoted(name)}>`,
    'Macro',
    new Map<string, Value>([
      ['name', name ?? null],
      ['arguments', new TupleValue(parameters)],
      ['catch_kwargs', readsKeywords],
      ['catch_varargs', readsPositions],
      ['caller', readsCaller],
      ['explicit_caller', parameters.includes('caller')],
    ]),
  )
}

function bindMacro(shape: MacroShape, { positional, named }: Arguments): readonly (Value | undefined)[] {
  const { parameters, readsKeywords, readsPositions, readsCaller } = shape
  const label = shape.name === undefined ? 'None' : quoted(shape.name)
  const rest = new Map(named)
  const values: (Value | undefined)[] = positional.slice(0, parameters.length)
  for (const parameter of parameters.slice(values.length)) {
    values.push(rest.get(parameter))
    rest.delete(parameter)
  }
  if (readsCaller && !parameters.includes('caller')) {
    values.push(rest.get('caller') ?? new UndefinedValue('No caller defined'))
    rest.delete('caller')
  }
  if (readsKeywords) values.push(DictValue.of(rest))
  else if (rest.has('caller'))
    typeError(`macro ${label} was invoked with two values for the special caller argument. This is most likely a bug.`)
  else if (rest.size > 0) typeError(`macro ${label} takes no keyword argument ${quoted([...rest.keys()][0] ?? '')}`)
  if (readsPositions) values.push(new TupleValue(positional.slice(parameters.length)))
  else if (positional.length > parameters.length)
    typeError(`macro ${label} takes not more than ${parameters.length} argument(s)`)
  return values
}
