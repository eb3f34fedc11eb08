/** `loop`: what a template knows of the loop it is in. */

import { typeError } from '../errors.js'
import type { Run } from '../run.js'
import { equals } from './compare.js'
import { sizeOf } from './iterate.js'
import { type Arguments, CallableValue, ObjectValue, TupleValue, UndefinedValue, type Value } from './values.js'

/** Writes a recursive loop over other items, one level deeper, and gives the text. */
export type Recurse = (items: Value, depth: number) => Value

const NONE = Symbol('none')

export class LoopValue extends ObjectValue {
  readonly typeName = 'LoopContext'
  readonly #iterator: Iterator<Value>
  readonly #recurse: Recurse | undefined
  readonly #depth: number
  #size: number | undefined
  #index = -1
  #ahead: Value[] = [] // items that were taken to look further
  #isEnded = false
  #before: Value | typeof NONE = NONE
  #current: Value | typeof NONE = NONE
  #seen: Value | typeof NONE = NONE

  /** iterated: what the loop runs over; its size is asked for only where the template asks. */
  constructor(iterated: Value, iterator: Iterator<Value>, recurse?: Recurse, depth = 0) {
    super()
    this.#iterator = iterator
    this.#size = sizeOf(iterated)
    this.#recurse = recurse
    this.#depth = depth
  }

  /** The next item; done when there is none. */
  next(): { readonly done: boolean; readonly value: Value } {
    if (!this.#look()) return { done: true, value: null }
    const value = this.#ahead.shift() as Value
    this.#index += 1
    this.#before = this.#current
    this.#current = value
    return { done: false, value }
  }

  #look(): boolean {
    if (this.#ahead.length > 0) return true
    if (this.#isEnded) return false
    const { done, value } = this.#iterator.next()
    if (done === true) this.#isEnded = true
    else this.#ahead.push(value)
    return done !== true
  }

  override length(): number {
    if (this.#size !== undefined) return this.#size
    for (let next = this.#iterator.next(); next.done !== true; next = this.#iterator.next())
      this.#ahead.push(next.value)
    this.#isEnded = true
    this.#size = this.#index + 1 + this.#ahead.length
    return this.#size
  }

  shown(): string {
    return `<LoopContext ${this.#index + 1}/${this.length()}>`
  }

  attribute(run: Run, name: string): Value | undefined {
    switch (name) {
      case 'index':
        return BigInt(this.#index + 1)
      case 'index0':
        return BigInt(this.#index)
      case 'revindex':
        return BigInt(this.length() - this.#index)
      case 'revindex0':
        return BigInt(this.length() - this.#index - 1)
      case 'first':
        return this.#index === 0
      case 'last':
        return !this.#look()
      case 'length':
        return BigInt(this.length())
      case 'depth':
        return BigInt(this.#depth + 1)
      case 'depth0':
        return BigInt(this.#depth)
      case 'previtem':
        return this.#index === 0 || this.#before === NONE
          ? new UndefinedValue('there is no previous item')
          : (this.#before as Value)
      case 'nextitem':
        return this.#look() ? this.#ahead[0] : new UndefinedValue('there is no next item')
      case 'cycle':
        return new CallableValue('cycle', (_run, args) => this.#cycle(args))
      case 'changed':
        return new CallableValue('changed', (_run, args) => this.#changed(run, args))
    }
    return undefined
  }

  #cycle({ positional }: Arguments): Value {
    if (positional.length === 0) typeError('no items for cycling given')
    return positional[this.#index % positional.length] ?? null
  }

  #changed(run: Run, { positional }: Arguments): Value {
    const value = new TupleValue(positional)
    if (this.#seen !== NONE && equals(run, this.#seen as Value, value)) return false
    this.#seen = value
    return true
  }

  override call(_run: Run, { positional, named }: Arguments): Value {
    if (this.#recurse === undefined) typeError("The loop must have the 'recursive' marker to be called recursively.")
    const items = positional[0] ?? named.get('iterable')
    if (items === undefined || positional.length + named.size !== 1)
      typeError('a loop is called with what to loop over')
    return this.#recurse(items, this.#depth + 1)
  }
}
