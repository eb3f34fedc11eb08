/** What the tensors of an adapter's file are to a model: values of the adapter, the base model's own, or without a place. */
import { type Adapter, baseKeys, EspalierError, type FileTensor, type Model, type Parameter } from '@espalier/core'

/** The keys of a file. */
export interface SortedKeys {
  /** Of values of the adapter. */
  readonly values: readonly string[]
  /** Values that the configuration asks for and the file lacks. */
  readonly missing: readonly string[]
  /** The method's own, of layers that are no targets: PEFT leaves them out. */
  readonly spare: readonly string[]
  /** The base model's tensors: PEFT loads them over those of the base. */
  readonly ofBase: ReadonlyMap<string, Parameter>
}

// What PEFT writes of a saved module a second time, and tables that older versions stored and newer ones compute.
const REPEATED = /\.modules_to_save\.(?:.*\.)?bias$|rotary_emb\.inv_freq$|position_ids$|\.attn\.(?:masked_)?bias$/

/** Where the tensors are for. */
export interface AdapterPlace {
  /** The base model. */
  readonly model: Model
  /** The file, for messages. */
  readonly where: Readonly<Record<string, string>>
}

/** Sorts the keys. Throws adapter.tensors, naming them, for tensors that are no part of the adapter and none of the base model, and where nothing is of the adapter. */
export function sortKeys(
  tensors: ReadonlyMap<string, FileTensor>,
  adapter: Adapter,
  { model, where }: AdapterPlace,
): SortedKeys {
  const { specs, repeated } = adapter
  const [keys, needed] = [[...tensors.keys()], [...specs.keys()]]
  const values = needed.filter((key) => tensors.has(key))
  if (values.length === 0 && needed.length > 0)
    throw new EspalierError('adapter.tensors', {
      what: 'no tensor of the adapter belongs to this model',
      got: { ...where, adapter: adapter.name, tensors: keys, needed },
      fix: 'Load it into the base model that it was trained on.',
    })
  const base = baseKeys(model, adapter)
  const others = keys.filter((key) => !specs.has(key))
  const ofBase = new Map([...base].filter(([key]) => tensors.has(key) && !specs.has(key)))
  const ends = endsOf(adapter)
  const spare = others.filter((key) => !base.has(key) && ends.some((end) => key.endsWith(end)))
  const unknown = others.filter(
    (key) => !base.has(key) && !spare.includes(key) && !repeated.has(key) && !REPEATED.test(key),
  )
  if (unknown.length > 0)
    throw new EspalierError('adapter.tensors', {
      what: 'the adapter file holds tensors that are no part of the adapter, and none of the base model',
      got: { ...where, adapter: adapter.name, tensors: unknown },
      fix: 'Check that adapter_config.json belongs to the file, and that the base is the one that it was trained on; else take these tensors out.',
    })
  return { values, missing: needed.filter((key) => !tensors.has(key)), spare, ofBase }
}

/**
 * Refuses what is missing where something else than the start of an adapter, which changes nothing, would take its place: part of a
 * layer's tensors, a module that is saved in full, values that start at random. Throws adapter.tensors, also for all that is missing where
 * `strict`.
 */
export function refuseMissing(
  { values, missing }: SortedKeys,
  adapter: Adapter,
  { strict, where }: { readonly strict: boolean } & Pick<AdapterPlace, 'where'>,
): void {
  const needed = strict ? missing : missing.filter(isNeeded(adapter, new Set(values)))
  if (needed.length === 0) return
  throw new EspalierError('adapter.tensors', {
    what: 'the adapter file lacks tensors that its configuration asks for',
    got: { ...where, adapter: adapter.name, missing: needed, present: values.length },
    fix: 'Copy or download adapter_model.safetensors again, and check that adapter_config.json belongs to it.',
  })
}

function isNeeded(adapter: Adapter, present: ReadonlySet<string>): (key: string) => boolean {
  const { siteKeys, saved, config } = adapter
  if (Object.entries(config).some(([name, value]) => /^init\w*Weights$/.test(name) && value === false))
    return () => true
  const ofSites = siteKeys.map(({ path, names }) => names.map((name) => `${path}.${name}`))
  const broken = ofSites.filter((keys) => keys.some((key) => present.has(key)))
  const needed = new Set([...broken.flat(), ...saved.flatMap(({ parameters }) => parameters)])
  return (key) => needed.has(key)
}

/** What keys of the method's tensors end with. */
function endsOf({ siteKeys }: Adapter): string[] {
  return [...new Set(siteKeys.flatMap(({ names }) => names.map((name) => `.${name}`)))]
}
