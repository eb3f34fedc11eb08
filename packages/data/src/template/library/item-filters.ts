/** The filters that apply filters and tests to each item: map, select and their kin. Nothing runs before an item is asked for. */

import { Raised } from '../errors.js'
import type { Run } from '../run.js'
import { generator, iterate } from '../values/iterate.js'
import { quoted } from '../values/repr.js'
import { type Arguments, isTrue, type Value } from '../values/values.js'
import { attributeGetter } from './attribute-getter.js'
import { applyNamed, type Environment, type Named } from './environment.js'

const map: Named = (run, environment, args) => {
  const [value = null, ...rest] = args.positional
  return generator(function* () {
    if (!isTrue(value)) return
    const change = mapping(run, environment, { positional: rest, named: args.named })
    for (const item of iterate(run, value)) yield change(item)
  })
}

function mapping(run: Run, environment: Environment, { positional, named }: Arguments): (item: Value) => Value {
  const attribute = named.get('attribute')
  if (positional.length === 0 && attribute !== undefined) {
    const other = [...named.keys()].find((key) => key !== 'attribute' && key !== 'default')
    if (other !== undefined) throw new Raised('FilterArgumentError', `Unexpected keyword argument ${quoted(other)}`)
    return attributeGetter(run, attribute, named.get('default') ?? null)
  }
  const [name, ...rest] = positional
  if (name === undefined) throw new Raised('FilterArgumentError', 'map requires a filter argument')
  return (item) => applyNamed(run, environment, 'filter', name, { positional: [item, ...rest], named })
}

function selecting(keeps: boolean, isByAttribute: boolean): Named {
  return (run, environment, args) => {
    const [value = null, ...rest] = args.positional
    return generator(function* () {
      if (!isTrue(value)) return
      const test = testing(run, environment, { positional: rest, named: args.named }, isByAttribute)
      for (const item of iterate(run, value)) if (isTrue(test(item)) === keeps) yield item
    })
  }
}

function testing(
  run: Run,
  environment: Environment,
  { positional, named }: Arguments,
  isByAttribute: boolean,
): (item: Value) => Value {
  const [attribute] = positional
  if (isByAttribute && attribute === undefined)
    throw new Raised('FilterArgumentError', 'Missing parameter for attribute name')
  const get = isByAttribute ? attributeGetter(run, attribute ?? null) : (item: Value) => item
  const [name, ...rest] = isByAttribute ? positional.slice(1) : positional
  if (name === undefined) return get
  return (item) => applyNamed(run, environment, 'test', name, { positional: [get(item), ...rest], named })
}

/** Filters by name. */
export const itemFilters: readonly (readonly [string, Named])[] = [
  ['map', map],
  ['select', selecting(true, false)],
  ['reject', selecting(false, false)],
  ['selectattr', selecting(true, true)],
  ['rejectattr', selecting(false, true)],
]
