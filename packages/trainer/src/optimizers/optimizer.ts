/** What an optimizer is: per parameter, new values and states as graph nodes. The loop around it is the trainer's. */
import type { Shape, Tensor } from '@espalier/core'

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

/** An optimizer as a value. */
export interface Optimizer {
  readonly name: string
  /** Whether a value's update reads nothing of other values: parameters may then be updated side by side, as one tensor of another shape. */
  readonly elementwise: boolean
  /** Names of the states kept per parameter, starting at 0. A parameter need not have each: see `stateShape`. */
  readonly states: readonly string[]
  /** The shape of a state of a parameter; undefined where the parameter has no such state. Default: the parameter's own shape. */
  stateShape?(state: string, parameter: Shape): Shape | undefined
  /** Scalars that depend on the step (from 1), computed on the host in double precision. */
  scalars(step: number): Readonly<Record<string, number>>
  update(context: UpdateContext): { readonly parameter: Tensor; readonly states: Readonly<Record<string, Tensor>> }
}
