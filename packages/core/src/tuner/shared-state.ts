/** State of an adapter as a whole: its keys, and what it starts with. Where the file has it, nothing is drawn. */
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { type Adapter, isBufferKey, siteFileKeys } from './adapter.js'
import type { LayerTuner } from './families.js'
import { drawOnlyMissing, type InitialValuesRequest, inMemory, misfits, refuseMisfits } from './initial-values.js'

/** Shared state of a new adapter: what is saved, what is not, and which of the former does not train. */
export interface InitialSharedState {
  readonly values: ReadonlyMap<string, HostTensor>
  readonly buffers: ReadonlyMap<string, HostTensor>
  readonly frozen: ReadonlySet<string>
}

// One level above the base model's own paths, as in PEFT's files.
const PREFIX = 'base_model.'
const UNSAVED = `${PREFIX}#`

/**
 * What the shared state of a tuner starts with; nothing for a tuner without any. Throws adapter.tensors when an expected tensor has another
 * shape, config.value when a tensor has a site's name, or trains without being saved.
 */
export function createShared({
  tuner,
  config,
  sites,
  random,
  expected,
}: Omit<InitialValuesRequest, 'onLate'>): InitialSharedState {
  const { shared } = tuner
  if (shared === undefined) return { values: new Map(), buffers: new Map(), frozen: new Set() }
  const keys = fileKeysOf(tuner, config)
  const siteNames = new Set(
    sites.flatMap((site) => [
      ...Object.keys(siteFileKeys(tuner, site, config)),
      ...Object.keys(tuner.buffers?.({ site, config }) ?? {}),
    ]),
  )
  const make = (drawn: typeof random) =>
    new Map(
      Object.entries(inMemory(tuner.kind, 'all layers', () => shared.create({ sites, config, random: drawn }))).map(
        ([name, tensor]) => {
          if (siteNames.has(name)) throw nameTaken(tuner.kind, name)
          return [keyOf(name, keys), tensor] as const
        },
      ),
    )
  const made = drawOnlyMissing(make, random.at(PREFIX), expected)
  refuseMisfits(tuner, misfits(made, expected))
  const saved = new Map([...made].filter(([key]) => !isBufferKey(key)))
  const unsaved = new Map([...made].filter(([key]) => isBufferKey(key)))
  if (shared.trains === true && unsaved.size > 0)
    throw new EspalierError('config.value', {
      what: 'a tuner created a tensor without a file key',
      got: { kind: tuner.kind, tensors: [...unsaved.keys()], fileKeys: Object.keys(keys) },
    })
  return { values: saved, buffers: unsaved, frozen: new Set(shared.trains === true ? [] : saved.keys()) }
}

/** Key of every tensor of an adapter's shared state, by the tuner's own name. */
export function sharedKeys({ tuner, config, specs, bufferSpecs }: Adapter): ReadonlyMap<string, string> {
  const saved = Object.entries(fileKeysOf(tuner, config)).map(([name, key]) => [name, PREFIX + key] as const)
  const unsaved = [...bufferSpecs.keys()].filter((key) => key.startsWith(UNSAVED))
  return new Map([
    ...saved.filter(([, key]) => specs.has(key)),
    ...unsaved.map((key) => [key.slice(UNSAVED.length), key] as const),
  ])
}

function fileKeysOf({ shared }: LayerTuner, config: unknown): Readonly<Record<string, string>> {
  if (shared === undefined) return {}
  return typeof shared.fileKeys === 'function' ? shared.fileKeys(config) : shared.fileKeys
}

function keyOf(name: string, keys: Readonly<Record<string, string>>): string {
  const key = keys[name]
  return key === undefined ? UNSAVED + name : PREFIX + key
}

function nameTaken(kind: string, name: string): EspalierError {
  return new EspalierError('config.value', {
    what: 'a tuner gives a tensor that all layers share the name of one that each layer has',
    got: { kind, name },
  })
}
