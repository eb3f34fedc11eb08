/** Frozen weights as kept tensors. Sets of the same sources share them; the last set to go disposes of them. */
import { releasedSetError, type Spec, type WeightSet } from '@espalier/core'
import { heldBytes } from './host-values.js'
import type { TfTensor } from './tf-namespace.js'

/** A weight that sets share. */
export interface SharedWeight {
  readonly tensor: TfTensor
  readonly spec: Spec
}

/** The weights of one `loadWeights`. */
export class TfWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  readonly byteLength: number
  private released = false

  constructor(
    private readonly weights: ReadonlyMap<string, SharedWeight>,
    private readonly forget: () => void,
  ) {
    this.names = new Set(weights.keys())
    this.byteLength = [...new Set(weights.values())].reduce((sum, { spec }) => sum + heldBytes(spec), 0)
  }

  /** The spec of a weight; undefined when there is none. */
  specOf(name: string): Spec | undefined {
    return this.weights.get(name)?.spec
  }

  /** The tensor of a weight. Throws backend.closed after release. */
  get(name: string): TfTensor {
    if (this.released) throw releasedSetError('weights', this.names)
    return (this.weights.get(name) as SharedWeight).tensor
  }

  release(): void {
    if (this.released) return
    this.released = true
    this.forget()
  }
}
