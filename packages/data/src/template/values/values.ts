/**
 * The values of Python that a template meets. int is bigint, float is number, str is string, None is null, bool is boolean; the rest are
 * the classes here. What can be done with them is left to the other files.
 */
import { Raised, Refused, typeError } from '../errors.js'
import type { Run } from '../run.js'

/** A value of a template. */
export type Value = null | boolean | bigint | number | string | object

/** What a dict or a set tells values apart by: equal values have one key. */
export type Key = null | bigint | number | string | object

export class ListValue {
  constructor(readonly items: readonly Value[]) {}
}

/** A tuple. names: of its items, where it is a named tuple. */
export class TupleValue {
  constructor(
    readonly items: readonly Value[],
    readonly names: readonly string[] = [],
  ) {}
}

export class DictValue {
  readonly entries = new Map<Key, readonly [key: Value, value: Value]>()

  /** A dict of text keys. */
  static of(pairs: Iterable<readonly [string, Value]>): DictValue {
    const dict = new DictValue()
    for (const pair of pairs) dict.entries.set(pair[0], pair)
    return dict
  }

  /** Throws TypeError for a key that cannot be hashed. */
  set(run: Run, key: Value, value: Value): void {
    const id = keyOf(run, key)
    this.entries.set(id, [this.entries.get(id)?.[0] ?? key, value])
  }

  /** Throws TypeError for a key that cannot be hashed. */
  get(run: Run, key: Value): Value | undefined {
    return this.entries.get(keyOf(run, key))?.[1]
  }
}

/** dict.keys(), dict.values() or dict.items(). */
export class DictView {
  constructor(
    readonly dict: DictValue,
    readonly kind: 'keys' | 'values' | 'items',
  ) {}

  *items(): Generator<Value> {
    for (const pair of this.dict.entries.values())
      yield this.kind === 'keys' ? pair[0] : this.kind === 'values' ? pair[1] : new TupleValue(pair)
  }
}

export class RangeValue {
  readonly length: number
  constructor(
    readonly start: bigint,
    readonly stop: bigint,
    readonly stepSize: bigint,
  ) {
    const span = stepSize > 0n ? stop - start : start - stop
    const size = stepSize > 0n ? stepSize : -stepSize
    this.length = span <= 0n ? 0 : Number((span + size - 1n) / size)
  }

  at(index: number): bigint {
    return this.start + BigInt(index) * this.stepSize
  }
}

/** A generator or an iterator: its items can be taken once. */
export class IteratorValue {
  constructor(
    readonly iterator: Iterator<Value>,
    readonly typeName = 'generator',
  ) {}
}

/** A slice as it stands between brackets beside a comma. */
export class SliceValue {
  constructor(
    readonly start: Value,
    readonly stop: Value,
    readonly stepSize: Value,
  ) {}
}

/** What there is not. Printing it gives nothing; using it raises. */
export class UndefinedValue {
  constructor(
    readonly message: string,
    readonly exception: 'UndefinedError' | 'SecurityError' = 'UndefinedError',
  ) {}

  fail(): never {
    throw new Raised(this.exception, this.message)
  }
}

/** A text that counts as HTML already. */
export class MarkupValue {
  constructor(readonly text: string) {}
}

export class NamespaceValue {
  constructor(readonly attributes: DictValue) {}
}

/** Arguments of a call. */
export interface Arguments {
  readonly positional: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

/** A function, a method or a class. */
export class CallableValue {
  constructor(
    readonly name: string,
    readonly call: (run: Run, args: Arguments) => Value,
    /** What printing it shows; undefined where Python shows an address. */
    readonly shown?: string,
    readonly typeName = 'builtin_function_or_method',
    /** Attributes that a template may read. */
    readonly attributes: ReadonlyMap<string, Value> = new Map(),
  ) {}
}

/** An object with attributes that are computed when they are read. */
export abstract class ObjectValue {
  abstract readonly typeName: string
  /** The attribute; undefined when there is none. */
  abstract attribute(run: Run, name: string): Value | undefined
  abstract shown(): string | undefined
  call?(run: Run, args: Arguments): Value
  /** Number of items, where it has one. */
  length?(): number
}

/** The name of a value's type in Python. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'string':
      return 'str'
  }
  if (value instanceof ListValue) return 'list'
  if (value instanceof TupleValue) return value.names.length > 0 ? '_GroupTuple' : 'tuple'
  if (value instanceof DictValue) return 'dict'
  if (value instanceof DictView) return `dict_${value.kind}`
  if (value instanceof RangeValue) return 'range'
  if (value instanceof UndefinedValue) return 'Undefined'
  if (value instanceof MarkupValue) return 'Markup'
  if (value instanceof NamespaceValue) return 'Namespace'
  if (value instanceof SliceValue) return 'slice'
  return (value as IteratorValue | CallableValue | ObjectValue).typeName
}

const UNDEFINED_KEY = {} // all undefined values are equal

/** What a dict finds a value by. Throws TypeError for what cannot be hashed. */
export function keyOf(run: Run, value: Value): Key {
  if (typeof value === 'string' || value === null || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (value instanceof MarkupValue) return value.text
  if (value instanceof UndefinedValue) return UNDEFINED_KEY
  if (value instanceof TupleValue) return run.deeper(() => tupleKey(run, value))
  if (
    value instanceof ListValue ||
    value instanceof DictValue ||
    value instanceof SliceValue ||
    (value instanceof DictView && value.kind !== 'values')
  )
    typeError(`unhashable type: '${typeName(value)}'`)
  return value
}

/** A text that equal tuples have; it begins with what is no character, so that it is no str's key. */
function tupleKey(run: Run, { items }: TupleValue): string {
  const key = `\udbff\u0000(${items.map((item) => partOfKey(run, item)).join()})`
  run.text(key.length)
  return key
}

function partOfKey(run: Run, value: Value): string {
  run.step()
  const key = keyOf(run, value)
  if (key === UNDEFINED_KEY) return 'u'
  if (typeof key === 'string') return `s${key.length}:${key}`
  if (key !== null && typeof key === 'object') throw new Refused('an object in a tuple is no key here')
  return `${typeof key}${key}`
}

/** Whether a value counts as true. */
export function isTrue(value: Value): boolean {
  if (value === null) return false
  switch (typeof value) {
    case 'boolean':
      return value
    case 'bigint':
      return value !== 0n
    case 'number':
      return value !== 0
    case 'string':
      return value !== ''
  }
  if (value instanceof ListValue || value instanceof TupleValue) return value.items.length > 0
  if (value instanceof DictValue) return value.entries.size > 0
  if (value instanceof DictView) return value.dict.entries.size > 0
  if (value instanceof RangeValue) return value.length > 0
  if (value instanceof UndefinedValue) return false
  if (value instanceof MarkupValue) return value.text !== ''
  if (value instanceof ObjectValue && value.length !== undefined) return value.length() > 0
  return true
}

/** The text of a str, Markup included; undefined for everything else. */
export function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof MarkupValue ? value.text : undefined
}

/** Counts the reading of texts before something is done with these values: long ones cost more than one step. */
export function countReading(run: Run, values: readonly Value[]): void {
  for (const value of values) {
    const length = textOf(value)?.length ?? 0
    if (length > UNITS_IN_A_STEP) run.step(length / UNITS_IN_A_STEP)
  }
}

const UNITS_IN_A_STEP = 16 // read in the time of a step
