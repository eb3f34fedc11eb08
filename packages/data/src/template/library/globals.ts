/** The functions that every template can call: Jinja2's and transformers'. */
import { Raised, Refused, typeError } from '../errors.js'
import { strftime } from '../formats/strftime.js'
import type { Run } from '../run.js'
import { itemsOf } from '../values/iterate.js'
import { toIndex } from '../values/numbers.js'
import { str } from '../values/repr.js'
import { bind } from '../values/signature.js'
import {
  type Arguments,
  CallableValue,
  DictValue,
  NamespaceValue,
  ObjectValue,
  RangeValue,
  textOf,
  typeName,
  UndefinedValue,
  type Value,
} from '../values/values.js'

const MOST_ITEMS = 100_000 // the sandbox's limit of a range

function range({ positional, named }: Arguments): Value {
  if (named.size > 0) typeError('range() takes no keyword arguments')
  const numbers = positional.map((value) => {
    if (typeof value === 'bigint') return value
    return BigInt(toIndex(value))
  })
  const [a, b, c = 1n] = numbers
  if (a === undefined || numbers.length > 3) typeError(`range expected 1 to 3 arguments, got ${numbers.length}`)
  if (c === 0n) throw new Raised('ValueError', 'range() arg 3 must not be zero')
  const made = new RangeValue(b === undefined ? 0n : a, b ?? a, c)
  if (made.length > MOST_ITEMS)
    throw new Raised('OverflowError', `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MOST_ITEMS}).`)
  return made
}

function dictOf(run: Run, { positional, named }: Arguments): DictValue {
  const dict = new DictValue()
  const [source] = positional
  if (positional.length > 1) typeError(`dict expected at most 1 argument, got ${positional.length}`)
  if (source instanceof DictValue) {
    run.step(source.entries.size)
    for (const [key, value] of source.entries.values()) dict.set(run, key, value)
  } else if (source !== undefined)
    for (const pair of itemsOf(run, source)) {
      const items = itemsOf(run, pair)
      if (items.length !== 2)
        throw new Raised('ValueError', `dictionary update sequence element has length ${items.length}; 2 is required`)
      dict.set(run, items[0] as Value, items[1] as Value)
    }
  run.step(named.size)
  for (const [key, value] of named) dict.set(run, key, value)
  return dict
}

class CyclerValue extends ObjectValue {
  readonly typeName = 'Cycler'
  readonly #items: readonly Value[]
  #position = 0

  constructor(items: readonly Value[]) {
    super()
    this.#items = items
  }

  attribute(_run: Run, name: string): Value | undefined {
    if (name === 'current') return this.#items[this.#position]
    if (name === 'pos') return BigInt(this.#position)
    if (name !== 'next' && name !== 'reset') return undefined
    return new CallableValue(name, () => {
      const current = this.#items[this.#position] ?? null
      this.#position = name === 'reset' ? 0 : (this.#position + 1) % this.#items.length
      return name === 'reset' ? null : current
    })
  }

  shown(): undefined {
    return undefined
  }
}

class JoinerValue extends ObjectValue {
  readonly typeName = 'Joiner'
  readonly #separator: Value
  #isUsed = false

  constructor(separator: Value) {
    super()
    this.#separator = separator
  }

  attribute(_run: Run, name: string): Value | undefined {
    return name === 'sep' ? this.#separator : name === 'used' ? this.#isUsed : undefined
  }

  shown(): undefined {
    return undefined
  }

  override call(): Value {
    const isFirst = !this.#isUsed
    this.#isUsed = true
    return isFirst ? '' : this.#separator
  }
}

function one(name: string, parameter: string, make: (run: Run, value: Value) => Value): [string, Value] {
  return [
    name,
    new CallableValue(
      name,
      (run, args) => make(run, bind(name, { parameters: [parameter], run: () => null }, args)[0] ?? null),
      undefined,
      'function',
    ),
  ]
}

/** The functions by name. now: what `strftime_now` shows. */
export function globalsAt(now: Date): ReadonlyMap<string, Value> {
  const classOf = (name: string, shown: string, call: CallableValue['call']): [string, Value] => [
    name,
    new CallableValue(name, call, `<class '${shown}'>`, 'type'),
  ]
  return new Map<string, Value>([
    ['range', new CallableValue('range', (_run, args) => range(args), undefined, 'function')],
    classOf('dict', 'dict', dictOf),
    classOf('namespace', 'jinja2.utils.Namespace', (run, args) => {
      return new NamespaceValue(dictOf(run, args))
    }),
    classOf('cycler', 'jinja2.utils.Cycler', (_run, { positional }) => {
      if (positional.length === 0) throw new Raised('RuntimeError', 'at least one item has to be provided')
      return new CyclerValue(positional)
    }),
    classOf(
      'joiner',
      'jinja2.utils.Joiner',
      (_run, args) =>
        new JoinerValue(bind('joiner', { parameters: [['sep', ', ']], run: () => null }, args)[0] ?? null),
    ),
    [
      'lipsum',
      new CallableValue(
        'lipsum',
        () => {
          throw new Refused('lipsum is random')
        },
        undefined,
        'function',
      ),
    ],
    one('raise_exception', 'message', (run, message) => {
      throw new Raised('TemplateError', str(run, message))
    }),
    one('strftime_now', 'format', (_run, format) => {
      if (format instanceof UndefinedValue) typeError('strftime() argument 1 must be str, not Undefined')
      return strftime(textOf(format) ?? typeError(`strftime() argument 1 must be str, not ${typeName(format)}`), now)
    }),
  ])
}
