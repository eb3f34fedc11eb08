/** One adapter: a tuner, its configuration, the sites it matched and its values on the host. Files are read and written elsewhere. */
import type { Backend, StateSet } from '../backend/backend.js'
import { type HostTensor, hostTensor, hostTensorFromBytes, type Spec, toFloat32 } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { Parameter } from '../module/parameter.js'
import type { ParameterSource } from '../parameter-source.js'
import { type Shape, sameShape } from '../shape.js'
import { type Hold, type Shared, sharedIn } from '../shared-work.js'
import type { LayerTuner, Site } from './families.js'
import type { AdapterMetadata } from './file-config.js'

/** A module that the adapter trains in full. */
export interface SavedModule {
  readonly path: string
  /** Keys of its tensors: `<path>.<name below it>`, also where the base model has the parameter under another module's name. */
  readonly parameters: readonly string[]
}

/** A bias of the base model that the adapter trains. */
export interface TrainedBias {
  /** Key of its value: `<module path>.bias`, or `<module path>.base_layer.bias` of a targeted layer. */
  readonly key: string
  readonly parameter: Parameter
  /** Where the model uses it: `<module path>.bias`. */
  readonly paths: readonly string[]
}

/** Values that are computed from the base model when they are needed, by key; buffers among them. */
export interface LateValues {
  readonly shapes: ReadonlyMap<string, Shape>
  read(keys: readonly string[]): Promise<ReadonlyMap<string, HostTensor>>
}

/** Parts of an adapter. */
export interface AdapterParts {
  readonly name: string
  readonly tuner: LayerTuner
  readonly config: object
  readonly metadata: AdapterMetadata
  readonly sites: readonly Site[]
  readonly saved: readonly SavedModule[]
  readonly biases: readonly TrainedBias[]
  /** What its file holds besides, by name: the value of another key, or a tensor of the base model. PEFT writes it and has no need of it. */
  readonly repeated: ReadonlyMap<string, string | ParameterSource>
  readonly warnings: readonly string[]
  /** Keys of values that are saved and do not train. */
  readonly frozen?: ReadonlySet<string>
}

/** Keys of values are file keys without `base_model.model.`: `<module path>.lora_A.weight`, or `<module path>.weight` of a saved module. */
export class Adapter implements AdapterParts {
  readonly name: string
  readonly tuner: LayerTuner
  readonly metadata: AdapterMetadata
  readonly sites: readonly Site[]
  readonly saved: readonly SavedModule[]
  readonly biases: readonly TrainedBias[]
  readonly repeated: ReadonlyMap<string, string | ParameterSource>
  readonly warnings: readonly string[]
  readonly frozen: ReadonlySet<string>
  private currentConfig: object
  private current: ReadonlyMap<string, HostTensor>
  private readonly copied: ReadonlyMap<string, ParameterSource>
  private readonly late: LateValues
  private fixed: ReadonlyMap<string, HostTensor>
  private lateRead: Promise<ReadonlyMap<string, HostTensor>> | undefined
  private readonly bound = new Map<Backend, Shared<StateSet>>()
  private version = 0

  /**
   * @param copied parameters that start as copies of the base model's; read when they are needed first
   * @param late what else is not known before it is needed
   */
  constructor(
    parts: AdapterParts,
    values: ReadonlyMap<string, HostTensor>,
    buffers: ReadonlyMap<string, HostTensor>,
    copied: ReadonlyMap<string, ParameterSource> = new Map(),
    late: LateValues = { shapes: new Map(), read: async () => new Map() },
  ) {
    this.name = parts.name
    this.tuner = parts.tuner
    this.currentConfig = parts.config
    this.metadata = parts.metadata
    this.sites = parts.sites
    this.saved = parts.saved
    this.biases = parts.biases
    this.repeated = parts.repeated
    this.warnings = parts.warnings
    this.frozen = parts.frozen ?? new Set()
    this.current = values
    this.copied = copied
    this.late = late
    this.fixed = buffers
  }

  /** The configuration as it is now. */
  get config(): object {
    return this.currentConfig
  }

  /** Takes another configuration over, such as one that training found: of what is saved, not of what layers compute. */
  setConfig(config: object): void {
    this.currentConfig = config
  }

  /** Dtype and shape of everything that is saved, by key; all of it trains but what is frozen. */
  get specs(): ReadonlyMap<string, Spec> {
    return new Map<string, Spec>([
      ...this.current,
      ...[...lateSpecs(this.late)].filter(([key]) => !isBufferKey(key)),
      ...[...this.copied].map(([key, { shape }]) => [key, { dtype: 'f32', shape }] as const),
    ])
  }

  /** Names of every site's tensors in files, and the path that they are below. */
  get siteKeys(): readonly { readonly path: string; readonly names: readonly string[] }[] {
    return this.sites.map((site) => ({
      path: site.parameter?.filePath ?? site.path,
      names: Object.values(siteFileKeys(this.tuner, site, this.config)),
    }))
  }

  /** What is saved, by key, as it is now; what comes from the base model is read on first use, buffers too. */
  async values(): Promise<ReadonlyMap<string, HostTensor>> {
    const { current } = this
    const missing = [...this.copied].filter(([key]) => !current.has(key))
    const late = [...this.late.shapes.keys()].filter((key) => !current.has(key) && !this.fixed.has(key))
    if (missing.length === 0 && late.length === 0) return current
    const computed = late.length === 0 ? [] : [...(await this.readLate(late))]
    this.fixed = new Map([...this.fixed, ...computed.filter(([key]) => isBufferKey(key))])
    const read = [
      ...computed.filter(([key]) => !isBufferKey(key) && !current.has(key)),
      ...(await Promise.all(missing.map(async ([key, source]) => [key, await readSource(source)] as const))),
    ]
    this.current = new Map([...this.current, ...read.filter(([key]) => !this.current.has(key))])
    return new Map([...current, ...read])
  }

  /** What its file holds, by key, as it is now: the values, less what the tuner leaves out, and what is repeated. */
  async fileValues(): Promise<ReadonlyMap<string, HostTensor>> {
    const values = new Map(await this.values())
    this.leaveOut(values)
    for (const [name, of] of this.repeated)
      values.set(name, typeof of === 'string' ? (values.get(of) as HostTensor) : await readSource(of))
    return values
  }

  // A tuner may keep some of a layer's tensors out of files.
  private leaveOut(values: Map<string, HostTensor>): void {
    const { tuner, sites, config } = this
    if (tuner.toFile === undefined) return
    for (const site of sites) {
      const keys = Object.entries(siteFileKeys(tuner, site, config)).map(
        ([name, key]) => [name, siteKey(site, key)] as const,
      )
      const own = keys.flatMap(([name, key]) =>
        values.has(key) ? [[name, values.get(key) as HostTensor] as const] : [],
      )
      const written = tuner.toFile({ site, config, values: Object.fromEntries(own) })
      for (const [name, key] of keys) {
        const value = written[name]
        if (value === undefined) values.delete(key)
        else values.set(key, value)
      }
    }
  }

  /** What is saved and does not train, by key, as it is now. */
  get frozenValues(): ReadonlyMap<string, HostTensor> {
    return new Map([...this.current].filter(([key]) => this.frozen.has(key)))
  }

  // Once, however many ask at the same time; whoever asks later lacks no more than the first did.
  private async readLate(keys: readonly string[]): Promise<ReadonlyMap<string, HostTensor>> {
    this.lateRead ??= this.late.read(keys)
    try {
      return await this.lateRead
    } finally {
      this.lateRead = undefined
    }
  }

  /** State that neither trains nor is saved. Throws adapter.state when some of it comes from the base model and was not read yet. */
  get buffers(): ReadonlyMap<string, HostTensor> {
    const unread = [...this.bufferSpecs.keys()].filter((key) => !this.fixed.has(key))
    if (unread.length > 0)
      throw new EspalierError('adapter.state', {
        what: 'buffers that are computed from the base model are not there yet',
        got: { adapter: this.name, unread },
        fix: 'Wait for values() first',
      })
    return this.fixed
  }

  /** Dtype and shape of every buffer, also of those that were not read yet. */
  get bufferSpecs(): ReadonlyMap<string, Spec> {
    return new Map<string, Spec>([...[...lateSpecs(this.late)].filter(([key]) => isBufferKey(key)), ...this.fixed])
  }

  /** A number that grows whenever values change. */
  get revision(): number {
    return this.version
  }

  /** Replaces values. Throws adapter.tensors, listing every unknown, missing (unless partial) or ill-shaped tensor; then nothing changes. */
  setValues(values: ReadonlyMap<string, HostTensor>, options: { readonly partial?: boolean } = {}): void {
    const faults: string[] = []
    const next = new Map(this.current)
    const { specs } = this
    for (const [key, tensor] of values) {
      const own = specs.get(key)
      if (own === undefined) faults.push(`${key}: not part of the adapter`)
      else if (!sameShape(own.shape, tensor.shape))
        faults.push(`${key}: [${tensor.shape.join(', ')}], the model needs [${own.shape.join(', ')}]`)
      else next.set(key, tensor.dtype === own.dtype ? tensor : hostTensor(own.dtype, tensor.shape, toFloat32(tensor)))
    }
    if (options.partial !== true) for (const key of specs.keys()) if (!values.has(key)) faults.push(`${key}: missing`)
    if (faults.length > 0) {
      throw new EspalierError('adapter.tensors', {
        what: 'the tensors do not fit the adapter',
        got: { adapter: this.name, faults },
        fix: 'Use the base model and configuration that they were made with',
      })
    }
    this.current = next
    this.version++
    this.release()
  }

  /** The values and buffers on a backend, as they are now: made once until they change. Whoever needs them longer than that holds them. */
  holdOn(backend: Backend): Hold<StateSet> {
    return this.sharedOn(backend).hold()
  }

  /** The set that `holdOn` holds; it is released when values change and nobody holds it. */
  stateOn(backend: Backend): Promise<StateSet> {
    return this.sharedOn(backend).wait()
  }

  /** Releases what it has on backends; what is held goes when it is not held any more. */
  release(): void {
    for (const set of [...this.bound.values()]) set.drop()
    this.bound.clear()
  }

  private sharedOn(backend: Backend): Shared<StateSet> {
    return sharedIn(this.bound, backend, () => ({
      make: async () => {
        const values = await this.values()
        return backend.createState(new Map([...values, ...this.fixed]))
      },
      release: (set) => set.release(),
      keep: true,
    }))
  }
}

/** A source's value as f32. */
export async function readSource(source: ParameterSource): Promise<HostTensor> {
  const tensor = hostTensorFromBytes(source.dtype, source.shape, await source.read())
  return hostTensor('f32', source.shape, toFloat32(tensor))
}

/** Names of a site's tensors in files, by the tuner's own names. */
export function siteFileKeys(tuner: LayerTuner, site: Site, config: unknown): Readonly<Record<string, string>> {
  return typeof tuner.fileKeys === 'function'
    ? tuner.fileKeys(site, config)
    : (tuner.fileKeys as Readonly<Record<string, string>>)
}

/** Key of a site's tensor by its name in files. */
export function siteKey({ path, parameter }: Site, fileKey: string): string {
  return `${parameter?.filePath ?? path}.${fileKey}`
}

/** Key of a buffer. */
export function bufferKey(site: Site, name: string): string {
  return `${site.path}.#${name}`
}

/** Whether a key is a buffer's: a # never occurs in files. */
export function isBufferKey(key: string): boolean {
  return key.includes('#')
}

function lateSpecs({ shapes }: LateValues): Map<string, Spec> {
  return new Map([...shapes].map(([key, shape]) => [key, { dtype: 'f32', shape }]))
}
