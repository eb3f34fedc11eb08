/** Parameters: named tensors with a source, which survive re-tracing. State and files are keyed by their paths. */

import type { DType, Spec } from '../dtype.js'
import { widerThan } from '../graph/ops/cast.js'
import { input } from '../graph/ops/input.js'
import type { Tensor } from '../graph/tensor.js'
import type { ParameterSource } from '../parameter-source.js'
import type { Shape } from '../shape.js'

const MARK = Symbol.for('espalier.parameter')

/** A tensor of a file that holds a part of a parameter: its name there, and its shape. */
export interface StoredPart {
  readonly name: string
  readonly shape: Shape
}

/** Where a parameter's value lives when a program runs: frozen weights, or state that a program may update. */
export type ParameterSlot = 'weight' | 'state'

/** A named tensor of a module. Two uses of one Parameter object are one tensor: tied weights are one Parameter in two places. */
export class Parameter implements Spec {
  /** The graph input that stands for it; always the same object, so gradients can be asked for it. */
  readonly value: Tensor

  /**
   * @param path name in the base model's file: `model.norm.weight`
   * @param dtype dtype that programs see; the source may store another one
   * @param source where the bytes are
   * @param slot frozen weight, or trainable state
   * @param slotName the program slot; the path unless an adapter owns it
   * @param isBuffer PyTorch's buffer: of the file and never trained, so it is no parameter where those are counted
   * @param isPersistent false of PyTorch's non-persistent buffer: made from other tensors of the file, and never written
   * @param stored what files have in its place, where it goes by other names: tensors whose values make it up, one after another
   */
  constructor(
    readonly path: string,
    readonly dtype: DType,
    readonly shape: Shape,
    readonly source: ParameterSource,
    readonly slot: ParameterSlot = 'weight',
    readonly slotName: string = path,
    readonly isBuffer: boolean = false,
    readonly isPersistent: boolean = true,
    readonly stored: readonly StoredPart[] = [],
  ) {
    this.value = input(slot, slotName, dtype, shape)
    Object.defineProperty(this, MARK, { value: true })
  }

  /** Whether it is trainable state; a # in a path marks state that is not, such as an adapter's scale. */
  get trains(): boolean {
    return this.slot === 'state' && !this.path.includes('#')
  }

  /** The same parameter as trainable state under a slot name. What trains is never in 16 bits: small steps would round away. */
  asState(slotName: string = this.path): Parameter {
    const { path, dtype, shape, source, stored } = this
    return new Parameter(path, widerThan(dtype), shape, source, 'state', slotName, false, true, stored)
  }

  /** The same parameter with bytes from elsewhere, in their shape: merged weights. */
  withSource(source: ParameterSource): Parameter {
    const { path, dtype, slot, slotName, isBuffer, isPersistent, stored } = this
    return new Parameter(path, dtype, source.shape, source, slot, slotName, isBuffer, isPersistent, stored)
  }

  /** A frozen parameter of its own with the same value: one use of a tied parameter, by that use's path. */
  untied(path: string): Parameter {
    return new Parameter(path, this.dtype, this.shape, this.source, 'weight', path, this.isBuffer, this.isPersistent)
  }

  /** Whether a value is a Parameter, from this or another copy of the package. */
  static isInstance(value: unknown): value is Parameter {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[MARK] === true
  }
}
