/** A program's inputs: named slots for weights, state and feeds. */
import type { DType } from '../../dtype.js'
import { checkShape, type Shape } from '../../shape.js'
import type { SlotKind } from '../op-attrs.js'
import { applySingle, at, type OpRule } from '../op-rule.js'
import type { Tensor } from '../tensor.js'

/** Definition of `input`: the executor binds its values. */
export const inputRule: OpRule<'input'> = {
  infer(_, attrs, declared) {
    checkShape(at(declared, 0).shape, `input ${attrs.name}`)
    return declared
  },
  reference() {},
}

/** A slot of the program. Inputs of equal slot kind and name are the same value. */
export function input(slot: SlotKind, name: string, dtype: DType, shape: Shape): Tensor {
  return applySingle('input', inputRule, [], { slot, name }, [{ dtype, shape }])
}

/** A slot that every run feeds. */
export function feed(name: string, dtype: DType, shape: Shape): Tensor {
  return input('feed', name, dtype, shape)
}
