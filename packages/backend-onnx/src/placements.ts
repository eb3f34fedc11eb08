/** Where weights lie: each source is placed once per dtype, for all sets that have it, and dropped with the last of them. */
import { type DType, type ParameterSource, type ProgressOptions, Shared, type WeightRequest } from '@espalier/core'
import type { WeightPlace } from './emit/emit-program.js'
import { heldId, type PlacedWeight } from './onnx-weights.js'
import type { HoldWeight, Transport, WeightStore } from './transport.js'

interface Entry extends WeightRequest {
  readonly batch: Shared<void>
  /** Sets that have it or wait for it. */
  users: number
  place: WeightPlace | undefined
}

/** What one set of weights has. */
export interface TakenPlaces {
  readonly weights: ReadonlyMap<string, PlacedWeight>
  /** Waits until the host has all values; rejects with what could not be read, which the next call reads again. */
  arrive(): Promise<unknown>
  release(): void
}

/** The placed weights of one backend. */
export class Placements {
  private readonly entries = new WeakMap<ParameterSource, Map<DType, Entry>>()
  /** Buffers that the host has not read from their files yet: waits for one, and begins it again after a failure. */
  private readonly arrivals = new Map<number, () => Promise<unknown>>()

  constructor(
    private readonly store: WeightStore,
    private readonly transport: Transport,
    private readonly nextId: () => number,
  ) {}

  /** Places weights that no set has yet, and waits for others who place some; the signal ends this caller's waiting alone. */
  async take(sources: ReadonlyMap<string, WeightRequest>, options: ProgressOptions): Promise<TakenPlaces> {
    const taken = this.entriesOf([...sources.values()], options)
    for (const entry of taken) entry.users++
    const release = () => {
      for (const entry of taken) this.leave(entry)
    }
    const waits = [...new Set(taken.map(({ batch }) => batch))].map((batch) => batch.hold(options.signal))
    try {
      await Promise.all(waits.map(({ value }) => value))
    } catch (error) {
      release()
      throw error
    } finally {
      for (const wait of waits) wait.release()
    }
    const weights = new Map(
      [...sources].map(([name, { source, dtype }], i) => {
        const place = (taken[i] as Entry).place as WeightPlace
        return [name, { place, source, spec: { dtype, shape: source.shape } }] as const
      }),
    )
    return { weights, arrive: () => Promise.all(taken.map((entry) => this.arrival(entry))), release }
  }

  private entriesOf(requests: readonly WeightRequest[], { onProgress }: ProgressOptions): Entry[] {
    const fresh: Entry[] = []
    const begin: { batch?: Shared<void> } = {}
    const found = requests.map(({ source, dtype }) => {
      const known = this.entries.get(source) ?? new Map<DType, Entry>()
      this.entries.set(source, known)
      const entry = known.get(dtype) ?? {
        source,
        dtype,
        get batch() {
          return begin.batch as Shared<void> // made below, when all of its weights are known
        },
        users: 0,
        place: undefined,
      }
      if (!known.has(dtype)) fresh.push(entry)
      known.set(dtype, entry)
      return entry
    })
    if (fresh.length > 0) begin.batch = this.batchOf(fresh, onProgress === undefined ? {} : { onProgress })
    return found
  }

  private batchOf(entries: readonly Entry[], options: ProgressOptions): Shared<void> {
    const drop = () => {
      for (const entry of entries) this.drop(entry)
    }
    return new Shared<void>({
      make: async (signal) => {
        const places = await this.placed(entries, { ...options, signal })
        entries.forEach((entry, i) => {
          entry.place = places[i]
        })
      },
      forget: () => {
        for (const entry of entries) this.forget(entry)
      },
      release: drop,
      keep: true,
    })
  }

  // When it fails, the host keeps nothing of it.
  private async placed(entries: readonly Entry[], options: ProgressOptions): Promise<WeightPlace[]> {
    const held: number[] = []
    let failed = false
    const hold: HoldWeight = async (tensor) => {
      const place = await this.hold(tensor)
      if (failed) this.dropBuffer(place.id)
      else held.push(place.id)
      return place
    }
    try {
      return await this.store.place(entries, hold, options)
    } catch (error) {
      failed = true
      for (const id of held) this.dropBuffer(id)
      throw error
    }
  }

  private async hold(tensor: Parameters<HoldWeight>[0]): Promise<WeightPlace & { kind: 'buffer' }> {
    const id = this.nextId()
    const add = () => this.transport.request({ type: 'addWeight', id, tensor })
    if (!('file' in tensor)) {
      await add()
      return { kind: 'buffer', id }
    }
    // Reading goes on while the caller builds a program.
    let reading: Promise<unknown> | undefined
    const arrive = () => {
      reading ??= add().then(
        () => this.arrivals.delete(id),
        (error: unknown) => {
          reading = undefined
          throw error
        },
      )
      return reading
    }
    this.arrivals.set(id, arrive)
    arrive().catch(() => {}) // told to those who compile with it
    return { kind: 'buffer', id }
  }

  private async arrival({ place }: Entry): Promise<void> {
    const id = place && heldId(place)
    if (id !== undefined) await this.arrivals.get(id)?.()
  }

  // Buffers go with the last set that has them; files are only mapped by sessions.
  private leave(entry: Entry): void {
    entry.users--
    if (entry.users > 0 || entry.place === undefined || heldId(entry.place) === undefined) return
    this.forget(entry)
    this.drop(entry)
  }

  private drop(entry: Entry): void {
    const id = entry.place && heldId(entry.place)
    entry.place = undefined
    if (id !== undefined) this.dropBuffer(id)
  }

  private dropBuffer(id: number): void {
    this.arrivals.delete(id)
    this.transport.request({ type: 'dropWeight', id }).catch(() => {}) // a closed backend has dropped it already
  }

  private forget(entry: Entry): void {
    const known = this.entries.get(entry.source)
    if (known?.get(entry.dtype) === entry) known.delete(entry.dtype)
  }
}
