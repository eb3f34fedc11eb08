/** Frozen weights as buffers. Sets of the same sources share them; the last set to go gives them back. */
import { type DType, releasedSetError, type Spec, type WeightSet } from '@espalier/core'
import type { GpuBuffer } from './device/gpu.js'
import { deviceBytes } from './plan/host-bytes.js'

/** A weight that sets share. */
export interface SharedWeight {
  readonly buffer: GpuBuffer
  /** As programs read it. */
  readonly spec: Spec
  /** As it lies: 16-bit floats stay 16 bits wide where a program reads them as f32. */
  readonly stored: DType
}

/** The weights of one `loadWeights`. */
export class WebgpuWeights implements WeightSet {
  readonly names: ReadonlySet<string>
  readonly byteLength: number
  private released = false

  constructor(
    private readonly weights: ReadonlyMap<string, SharedWeight>,
    private readonly forget: () => void,
  ) {
    this.names = new Set(weights.keys())
    this.byteLength = [...new Set(weights.values())].reduce((sum, own) => sum + heldBytes(own), 0)
  }

  /** The spec that programs read a weight in; undefined when there is none. */
  specOf(name: string): Spec | undefined {
    return this.weights.get(name)?.spec
  }

  /** How a weight lies; undefined when there is none. */
  storedOf(name: string): DType | undefined {
    return this.weights.get(name)?.stored
  }

  /** The buffer of a weight. Throws backend.closed after release. */
  get(name: string): GpuBuffer {
    if (this.released) throw releasedSetError('weights', this.names)
    return (this.weights.get(name) as SharedWeight).buffer
  }

  release(): void {
    if (this.released) return
    this.released = true
    this.forget()
  }
}

function heldBytes({ stored, spec }: SharedWeight): number {
  return deviceBytes({ dtype: stored, shape: spec.shape })
}
