/** A model's state at one moment. */
import type { Backend, Model, StateBinding, WeightSet } from '@espalier/core'

/** A model's state at one moment, as programs need it. */
export interface RunnableModel {
  readonly model: Model
  readonly backend: Backend
  readonly weights: WeightSet
  readonly state: readonly StateBinding[]
}
