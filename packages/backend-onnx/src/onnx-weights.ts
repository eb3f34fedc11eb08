/** Sets of weights: which place each slot's values have. Sharing and dropping them is the backend's. */
import type { ParameterSource, Spec, WeightSet } from '@espalier/core'
import type { WeightPlace } from './emit/emit-program.js'
import { heldBytes } from './transport.js'

/** A weight with its place, and the spec that programs read it with. */
export interface PlacedWeight {
  readonly place: WeightPlace
  readonly source: ParameterSource
  readonly spec: Spec
}

/** The weights of one `loadWeights`. */
export class OnnxWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  readonly byteLength: number
  private released = false

  constructor(
    readonly weights: ReadonlyMap<string, PlacedWeight>,
    /** Waits until the host has all values; rejects with what could not be read, which the next call reads again. */
    readonly arrive: () => Promise<unknown>,
    private readonly forget: () => void,
  ) {
    this.names = new Set(weights.keys())
    this.byteLength = [...weights.values()].reduce((sum, { spec }) => sum + heldBytes(spec), 0)
  }

  release(): void {
    if (!this.released) this.forget()
    this.released = true
  }
}

/** The host's copy of a weight, when it has one. */
export function heldId(place: WeightPlace): number | undefined {
  return place.kind === 'buffer' ? place.id : place.mounted
}
