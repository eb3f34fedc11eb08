/** A quantizer of 8-bit whole numbers in a layout of its own, for weights of every shape: by tensor, by row or by group, with or without zero points. */
import {
  checkOptions,
  EspalierError,
  fullMatch,
  joinPath,
  type OptionKinds,
  Parameter,
  type ParameterSource,
  type Quantizer,
  type Spec,
  sizeOf,
  type WeightSite,
} from '@espalier/core'
import { packedSources } from '../packed-sources.js'
import { type Int8Granularity, type Int8Scheme, type Int8Settings, sharedBy } from './int8-codes.js'
import { Int8Weight, valuesOf } from './int8-weight.js'

/** What `int8` packs, and how. */
export interface Int8Options {
  /** Default `absmax`. */
  readonly scheme?: Int8Scheme
  /** Default `row`. */
  readonly granularity?: Int8Granularity
  /** Floats that share a scale, of granularity `group`: a divisor of every row's length. Default 64. */
  readonly groupSize?: number
  /** Regular expressions for whole paths of layers that stay floats. Output layers do anyway. */
  readonly skipModules?: readonly string[]
}

const METHOD = 'espalier_int8'
const KINDS: OptionKinds<Int8Options> = {
  scheme: 'string',
  granularity: 'string',
  groupSize: 'number',
  skipModules: 'array',
}

/**
 * Packs linear layers and embeddings but for the model's output layers, and reads what it packed: `quant_method` espalier_int8, which
 * Python does not know. For files that transformers reads, use `bitsandbytes({ loadIn8bit: true })`. Throws config.value, config.unknown.
 */
export function int8(options: Int8Options = {}): Quantizer {
  checkOptions('int8', options, KINDS)
  const { skipModules = [], ...given } = options
  const settings = settingsOf({ scheme: 'absmax', granularity: 'row', groupSize: 64, ...given })
  const skipped = skipModules.map(fullMatch)
  return {
    method: METHOD,
    weights: (config) =>
      config === null
        ? (site) =>
            site.staysFloat || site.isOutput || skipped.some((pattern) => pattern.test(site.path))
              ? undefined
              : packed(site, settings)
        : (site) => stored(site, settingsOf(fromFile(config))),
    fileConfig: () => ({
      quant_method: METHOD,
      scheme: settings.scheme,
      granularity: settings.granularity,
      group_size: settings.groupSize,
    }),
  }
}

const CODES = 'weight'
const SCALES = 'weight.scales'
const ZERO_POINTS = 'weight.zero_points'

interface Part {
  readonly name: string
  readonly spec: Spec
}

function partsOf({ path, shape }: WeightSite, settings: Int8Settings): Part[] {
  const groups = [sizeOf(shape) / sharedBy(shape, settings, joinPath(path, CODES))]
  const parts: Part[] = [
    { name: CODES, spec: { dtype: 'i8', shape } },
    { name: SCALES, spec: { dtype: 'f32', shape: groups } },
  ]
  return settings.scheme === 'absmax' ? parts : [...parts, { name: ZERO_POINTS, spec: { dtype: 'i8', shape: groups } }]
}

function stored(site: WeightSite, settings: Int8Settings): Int8Weight | undefined {
  if (!site.tensors.has(SCALES)) return undefined
  const parameters = partsOf(site, settings).map(({ name, spec }) => site.stored(name, spec))
  return new Int8Weight(site.dtype, settings, parameters)
}

function packed(site: WeightSite, settings: Int8Settings): Int8Weight {
  const [parts, floats] = [partsOf(site, settings), site.floats()]
  const specs = parts.map(({ spec }) => spec)
  const sources = packedSources(floats, specs, (values) => valuesOf(values, settings, floats.path))
  const parameters = parts.map(
    ({ name, spec }, i) =>
      new Parameter(joinPath(site.path, name), spec.dtype, spec.shape, sources[i] as ParameterSource),
  )
  return new Int8Weight(site.dtype, settings, parameters)
}

function fromFile(config: Readonly<Record<string, unknown>>): Int8Settings {
  const { scheme, granularity, group_size: groupSize } = config
  return { scheme, granularity, groupSize } as Int8Settings
}

const SCHEMES: readonly Int8Scheme[] = ['absmax', 'zeropoint']
const GRANULARITIES: readonly Int8Granularity[] = ['tensor', 'row', 'group']

function settingsOf(settings: Int8Settings): Int8Settings {
  const { scheme, granularity, groupSize } = settings
  if (SCHEMES.includes(scheme) && GRANULARITIES.includes(granularity) && Number.isInteger(groupSize) && groupSize > 0)
    return settings
  throw new EspalierError('config.value', {
    what: 'int8 codes cannot be made or read with these settings',
    got: { scheme, granularity, groupSize },
    fix: `scheme: ${SCHEMES.join(' or ')}; granularity: ${GRANULARITIES.join(', ')}; groupSize: a whole number above 0`,
  })
}
