/** Entering and leaving frames, and assigning in them. */

import { Raised, typeError, valueError } from '../errors.js'
import type { Load, Symbols } from '../syntax/symbols.js'
import type { Target } from '../syntax/syntax.js'
import { iteratorOf } from '../values/iterate.js'
import { NamespaceValue, typeName, type Value } from '../values/values.js'
import type { Frame } from './compile-expression.js'
import { type Activation, type Rendering, reader } from './rendering.js'

/** Sets a frame's own variables to what they are when it begins. */
export function entering(symbols: Symbols): (rendering: Rendering, activation: Activation) => void {
  const steps = [...symbols.loads].flatMap(([slot, load]) => {
    const read = beginning(load, symbols)
    return read === undefined ? [] : [{ index: slot.index, read }]
  })
  return (r, a) => {
    for (const { index, read } of steps) a.slots[index] = read(r, a)
  }
}

/** What a variable is at first; undefined for a parameter, which is set already. */
function beginning(
  load: Load,
  { scope }: Symbols,
): ((rendering: Rendering, activation: Activation) => Value | undefined) | undefined {
  switch (load.kind) {
    case 'parameter':
      return undefined
    case 'missing':
      return () => undefined
    case 'resolve':
      return (r) => r.variables.get(load.name)
    case 'alias': {
      const read = reader(load.slot, scope)
      return (_r, a) => read(a)
    }
  }
}

/** Unsets a frame's own variables. */
export function leaving(symbols: Symbols): (activation: Activation) => void {
  const indices = [...symbols.loads.keys()].map(({ index }) => index)
  return ({ slots }) => {
    for (const index of indices) slots[index] = undefined
  }
}

/** Assigns a value. */
export type Assigner = (rendering: Rendering, activation: Activation, value: Value) => void

/** Compiles what is assigned to. */
export function compileTarget(target: Target, frame: Frame): Assigner {
  const { symbols } = frame
  if (target.kind === 'tuple target') {
    const items = target.items.map((item) => compileTarget(item, frame))
    return (r, a, value) => {
      const values = unpack(value, items.length)
      items.forEach((assign, i) => {
        assign(r, a, values[i] as Value)
      })
    }
  }
  const slot = symbols.find(target.name)
  if (slot === undefined) throw new Raised('AssertionError', `the name ${target.name} is not known where it is set`)
  if (target.kind === 'name') {
    const { index } = slot
    return (_r, { slots }, value) => {
      slots[index] = value
    }
  }
  const read = reader(slot, symbols.scope)
  const { attribute } = target
  return (r, a, value) => {
    const namespace = read(a)
    if (namespace instanceof NamespaceValue) namespace.attributes.set(r.run, attribute, value)
  }
}

/** Checks, before the value is computed, that attributes are set on namespaces only. */
export function compileTargetCheck(target: Target, { symbols }: Frame): ((activation: Activation) => void) | undefined {
  const names = namespacesIn(target)
  if (names.length === 0) return undefined
  const readers = names.map((name) => {
    const slot = symbols.find(name)
    return slot === undefined ? () => undefined : reader(slot, symbols.scope)
  })
  return (a) => {
    if (!readers.every((read) => read(a) instanceof NamespaceValue))
      throw new Raised('TemplateRuntimeError', 'cannot assign attribute on non-namespace object')
  }
}

function namespacesIn(target: Target): readonly string[] {
  if (target.kind === 'namespace attribute') return [target.name]
  return target.kind === 'tuple target' ? target.items.flatMap(namespacesIn) : []
}

function unpack(value: Value, count: number): readonly Value[] {
  const iterator = iteratorOf(value) ?? typeError(`cannot unpack non-iterable ${typeName(value)} object`)
  const values: Value[] = []
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    if (values.length === count) valueError(`too many values to unpack (expected ${count})`)
    values.push(next.value)
  }
  if (values.length < count) valueError(`not enough values to unpack (expected ${count}, got ${values.length})`)
  return values
}
