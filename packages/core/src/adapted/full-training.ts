/** Training every parameter: the same machinery as adapters, with the model's own parameters as state. */
import type { HostTensor } from '../dtype.js'
import type { Model } from '../model/model.js'
import { refusePacked } from '../module/packed.js'
import { learnedParameters, mapParameters, namedParameters } from '../module/tree.js'
import { readSource } from '../tuner/adapter.js'
import type { TrainableModel } from './base-model.js'
import { withValues } from './weights.js'

/** A model of which all parameters (or those that `select` accepts) train, but no buffers. `values()` gives the trained ones by path. Throws model.quantized for packed weights. */
export class FullModel implements TrainableModel {
  readonly model: Model
  private current: ReadonlyMap<string, HostTensor> | undefined

  constructor(
    readonly base: Model,
    select: (path: string) => boolean = () => true,
  ) {
    const chosen = new Set([...learnedParameters(base).values()].filter(({ path }) => select(path)))
    refusePacked(base, [...chosen])
    this.model = mapParameters(base, (parameter) => (chosen.has(parameter) ? parameter.asState() : parameter))
  }

  /** Values of what trains, by parameter path. */
  async trainable(): Promise<ReadonlyMap<string, HostTensor>> {
    if (this.current === undefined) {
      const trained = [...namedParameters(this.model)].filter(([, { slot }]) => slot === 'state')
      this.current = new Map(
        await Promise.all(trained.map(async ([path, { source }]) => [path, await readSource(source)] as const)),
      )
    }
    return this.current
  }

  fixed(): ReadonlyMap<string, HostTensor> {
    return new Map()
  }

  commit(values: ReadonlyMap<string, HostTensor>): void {
    this.current = new Map([...(this.current ?? []), ...values])
  }

  /** The tree with the trained values as frozen weights: what generation and saving use. */
  trained(): Model {
    return withValues(this.base, this.current ?? new Map())
  }
}
