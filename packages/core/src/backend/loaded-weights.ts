/** Weights of a backend by their sources: each is loaded once for all sets that have it, and given back with the last of them. */
import { byteSize, type DType, type Spec } from '../dtype.js'
import type { ParameterSource } from '../parameter-source.js'
import { sizeOf } from '../shape.js'
import { type Hold, type Shared, sharedIn } from '../shared-work.js'
import type { ProgressOptions, WeightRequest } from './backend.js'

/** How a backend loads one weight, and gives it back. */
export interface WeightParts<V> {
  load(name: string, request: WeightRequest): Promise<V>
  release(weight: V): void
}

/** The weights of one set. */
export interface TakenWeights<V> {
  readonly weights: ReadonlyMap<string, V>
  /** Leaves them to the other sets. */
  release(): void
}

/** All weights on one device. */
export class LoadedWeights<V> {
  private readonly known = new Map<DType, Map<ParameterSource, Shared<V>>>()

  constructor(private readonly parts: WeightParts<V>) {}

  /**
   * Loads those that are not there. One after the other: what a file holds and what the device is given are in memory together.
   * `check` throws when loading has become useless.
   */
  async take(
    sources: ReadonlyMap<string, WeightRequest>,
    { signal, onProgress }: ProgressOptions,
    check: () => void,
  ): Promise<TakenWeights<V>> {
    const total = [...sources.values()].reduce((sum, { source }) => sum + fileBytes(source), 0)
    const holds: Hold<V>[] = []
    const release = () => {
      for (const hold of holds) hold.release()
    }
    const weights = new Map<string, V>()
    let done = 0
    try {
      for (const [name, request] of sources) {
        signal?.throwIfAborted()
        const hold = this.shared(name, request).hold(signal)
        holds.push(hold)
        weights.set(name, await hold.value)
        check()
        done += fileBytes(request.source)
        onProgress?.(done, total, name)
      }
    } catch (error) {
      release()
      throw error
    }
    return { weights, release }
  }

  private shared(name: string, request: WeightRequest): Shared<V> {
    const { source, dtype } = request
    const known = this.known.get(dtype) ?? new Map<ParameterSource, Shared<V>>()
    this.known.set(dtype, known)
    return sharedIn(known, source, () => ({
      make: () => this.parts.load(name, request),
      release: (weight) => this.parts.release(weight),
    }))
  }

  /** Gives all of them back, and waits for those that are being loaded. */
  async clear(): Promise<void> {
    const all = [...this.known.values()].flatMap((known) => [...known.values()])
    this.known.clear()
    for (const shared of all) shared.end()
    await Promise.allSettled(all.map((shared) => shared.wait()))
  }
}

function fileBytes({ dtype, shape }: Spec): number {
  return sizeOf(shape) * byteSize(dtype)
}
