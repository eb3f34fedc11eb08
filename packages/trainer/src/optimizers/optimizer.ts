/** What an optimizer is: per parameter, new values and states as graph nodes. The loop around it is the trainer's. */
import type { Shape, Spec, Tensor } from '@espalier/core'

/** What an update is given for one parameter, or for several side by side. Scalars are f32 tensors: rates and step counts are fed, never constants. */
export interface UpdateContext {
  readonly parameter: Tensor
  /** Already normalised and clipped. */
  readonly gradient: Tensor
  /** The states that this parameter has, by name. */
  readonly states: Readonly<Record<string, Tensor>>
  readonly learningRate: Tensor
  /** The scalars that `scalars` named. */
  readonly scalars: Readonly<Record<string, Tensor>>
  /** Decoupled weight decay of this parameter; 0 where it is excluded. */
  readonly weightDecay: number
}

/** What an optimizer may choose a parameter's states by. */
export interface TrainedParameter {
  readonly shape: Shape
  /** Whether it is a whole embedding table, which bitsandbytes never packs states of. */
  readonly isEmbedding: boolean
}

/** An optimizer as a value. */
export interface Optimizer {
  readonly name: string
  /** Whether a value's update reads nothing of other values: parameters may then be updated side by side, as one tensor of another shape. */
  readonly elementwise: boolean
  /** Names of the states kept per parameter, starting at 0. A parameter need not have each: see `stateSpec`. */
  readonly states: readonly string[]
  /** The class of a parameter: side by side are only those of one. Undefined: it is alone, whatever `elementwise` says. Default: all are of one class. */
  classOf?(parameter: TrainedParameter): string | undefined
  /**
   * Dtype and shape of a state of a parameter, or of several of a class side by side, whose state then holds theirs one after another;
   * undefined where there is no such state. Default: f32, in the parameter's own shape.
   */
  stateSpec?(state: string, parameter: Shape, ofClass: string | undefined): Spec | undefined
  /** Scalars that depend on the step (from 1), computed on the host in double precision. */
  scalars(step: number): Readonly<Record<string, number>>
  update(context: UpdateContext): { readonly parameter: Tensor; readonly states: Readonly<Record<string, Tensor>> }
}
