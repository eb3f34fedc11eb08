/**
 * What an adapter starts with: values that its tuner draws, and buffers. A file that is about to be loaded has the values already: then
 * nothing is drawn, and what the configuration asks for is held against the file before memory is taken for it.
 */
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { Random } from '../random.js'
import { type Shape, sameShape, sizeOf } from '../shape.js'
import { bufferKey, siteFileKeys, siteKey } from './adapter.js'
import type { FromWeight, InitialValue, LayerTuner, Site } from './families.js'

/** Tensors that will be loaded, by key. */
export type ExpectedTensors = ReadonlyMap<string, { readonly shape: Shape }>

/** What values are made for. */
export interface InitialValuesRequest {
  readonly tuner: LayerTuner
  readonly config: unknown
  readonly sites: readonly Site[]
  readonly random: Random
  /** Tensors that will replace them. */
  readonly expected?: ExpectedTensors
  /** Takes the values that need the base weight; they are not among those returned. Without it, having any throws config.value. */
  readonly onLate?: OnLate
}

/** Takes a value that is computed from a site's base weight later. */
export type OnLate = (key: string, site: Site, value: FromWeight) => void

const MOST_FAULTS = 20

/**
 * Initial values of a tuner's sites, keyed as in files; zeros where a tensor is expected. Throws adapter.tensors when an expected tensor has
 * another shape, config.value when a tensor is larger than any that is expected, or than memory.
 */
export function createValues({
  tuner,
  config,
  sites,
  random,
  expected,
  onLate = refuseLate,
}: InitialValuesRequest): Map<string, HostTensor> {
  const values = new Map<string, HostTensor>()
  const faults: string[] = []
  for (const site of sites) {
    const make = (drawn: Random) => valuesOf({ tuner, config, site, random: drawn })
    const made = drawOnlyMissing(make, random.at(site.path), expected)
    faults.push(...misfits(made, expected))
    if (faults.length >= MOST_FAULTS) break
    for (const [key, tensor] of made) {
      if ('from' in tensor) onLate(key, site, tensor)
      else values.set(key, tensor)
    }
  }
  refuseMisfits(tuner, faults)
  return values
}

/** What `make` gives, drawing nothing for what is expected. Throws config.value when that is larger than any expected tensor. */
export function drawOnlyMissing<T extends InitialValue>(
  make: (random: Random) => Map<string, T>,
  random: Random,
  expected: ExpectedTensors | undefined,
): Map<string, T> {
  if (expected === undefined) return make(random)
  const most = mostElements(expected)
  const made = make(placeholders(most))
  if ([...made.keys()].every((key) => expected.has(key))) return made
  const drawn = make(new BoundedRandom(random.seed, most))
  return new Map([...drawn, ...[...made].filter(([key]) => expected.has(key))])
}

/** Which tensors have another shape than is expected, in words. */
export function misfits(
  made: ReadonlyMap<string, { readonly shape: Shape }>,
  expected: ExpectedTensors | undefined,
): string[] {
  return [...made].flatMap(([key, { shape }]) => {
    const given = expected?.get(key)
    return given === undefined || sameShape(given.shape, shape)
      ? []
      : [`${key}: [${given.shape.join(', ')}], the configuration asks for [${shape.join(', ')}]`]
  })
}

/** Throws adapter.tensors when there are any. */
export function refuseMisfits({ kind }: LayerTuner, faults: readonly string[]): void {
  if (faults.length === 0) return
  throw new EspalierError('adapter.tensors', {
    what: 'the tensors do not fit the adapter’s configuration and the model',
    got: { kind, faults },
    fix: 'Use the base model and the adapter_config.json that they were made with.',
  })
}

/** Buffers of a tuner's sites, keyed `<module path>.#<name>`: a # never occurs in files. */
export function createBuffers(
  tuner: LayerTuner,
  config: unknown,
  sites: readonly Site[],
  onLate: OnLate = refuseLate,
): Map<string, HostTensor> {
  const buffers = new Map<string, HostTensor>()
  for (const site of sites) {
    for (const [name, tensor] of Object.entries<InitialValue>(tuner.buffers?.({ site, config }) ?? {})) {
      if ('from' in tensor) onLate(bufferKey(site, name), site, tensor)
      else buffers.set(bufferKey(site, name), tensor)
    }
  }
  return buffers
}

function refuseLate(key: string): never {
  throw new EspalierError('config.value', { what: 'there is no base weight to compute a value from', got: { key } })
}

interface SiteRequest {
  readonly tuner: LayerTuner
  readonly config: unknown
  readonly site: Site
  readonly random: Random
}

function valuesOf({ tuner, config, site, random }: SiteRequest): Map<string, InitialValue> {
  const keys = siteFileKeys(tuner, site, config)
  const values = new Map<string, InitialValue>()
  const made = inMemory(tuner.kind, site.path, () => tuner.create({ site, config, random }))
  for (const [name, tensor] of Object.entries(made)) {
    const key = keys[name]
    if (key === undefined)
      throw new EspalierError('config.value', {
        what: 'a tuner created a tensor without a file key',
        got: { kind: tuner.kind, tensor: name, fileKeys: Object.keys(keys) },
      })
    values.set(siteKey(site, key), tensor as InitialValue)
  }
  return values
}

/** What `make` gives. Throws config.value where no memory holds it. */
export function inMemory<T>(kind: string, module: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    // What JavaScript says of an array that is longer than any may be, or than memory.
    if (!(cause instanceof RangeError)) throw cause
    throw new EspalierError('config.value', {
      what: 'the configuration asks for a tensor that no memory holds',
      got: { kind, module, reason: cause.message },
      fix: 'Choose a smaller rank.',
      cause,
    })
  }
}

const LEAST_BOUND = 2 ** 24 // elements; below that a tensor that a file lacks may be larger than all that it has

function mostElements(expected: ExpectedTensors): number {
  let most = LEAST_BOUND
  for (const { shape } of expected.values()) most = Math.max(most, sizeOf(shape))
  return most
}

/** Draws as another does, up to so many numbers at once. */
class BoundedRandom extends Random {
  constructor(
    seed: number,
    protected readonly most: number,
  ) {
    super(seed)
  }

  override at(name: string): Random {
    return new BoundedRandom(super.at(name).seed, this.most)
  }

  override uniform(count: number, bound: number): Float32Array {
    return super.uniform(this.checked(count), bound)
  }

  override normal(count: number, deviation: number): Float32Array {
    return super.normal(this.checked(count), deviation)
  }

  override permutation(count: number): Int32Array {
    return super.permutation(this.checked(count))
  }

  protected checked(count: number): number {
    if (count <= this.most) return count
    throw new EspalierError('adapter.tensors', {
      what: 'the configuration asks for a tensor that is larger than any in the file',
      got: { elements: count, largest: this.most },
      fix: 'Check the rank in adapter_config.json: it does not belong to these tensors.',
    })
  }
}

/** Zeros in place of what is drawn: a file has the values. */
class Placeholders extends BoundedRandom {
  override at(): Random {
    return this
  }

  override uniform(count: number): Float32Array {
    return new Float32Array(this.checked(count))
  }

  override normal(count: number): Float32Array {
    return new Float32Array(this.checked(count))
  }
}

function placeholders(most: number): Random {
  return new Placeholders(0, most)
}
