/**
 * A base model with adapters: PEFT's PeftModel without files and devices. The base tree is never changed; every state (which adapters
 * are active, disabled, merged) is another tree that shares its weights.
 */
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { Model, TaskType } from '../model/model.js'
import { type Adaptable, isAdaptable } from '../module/adaptable.js'
import type { Module } from '../module/module.js'
import { Parameter } from '../module/parameter.js'
import { mapModules, mapParameters, namedModules, namedParameters } from '../module/tree.js'
import type { ParameterSource } from '../parameter-source.js'
import { Random } from '../random.js'
import { AdaptedLayer, AdapterPart, SiteState } from '../tuner/adapted-layer.js'
import { Adapter, bufferKey, createBuffers, createValues, type SavedModule, siteFileKeys } from '../tuner/adapter.js'
import type { ConfiguredTuner, LayerTuner, Site, TargetConfig } from '../tuner/families.js'
import { type AdapterMetadata, PEFT_VERSION } from '../tuner/file-config.js'
import { condenseTargets, findTargets, resolveTargets } from '../tuner/targets.js'
import type { BaseModel, TrainableModel } from './base-model.js'

/** How an adapter starts. */
export interface AddAdapterOptions {
  /** Seed of initial values. Default 0. */
  readonly seed?: number
  /** What adapter_config.json said besides the method's own keys. */
  readonly metadata?: Partial<AdapterMetadata>
}

/** Modules that classification heads are; PEFT trains and saves them in full. */
const headModules: Partial<Record<TaskType, readonly string[]>> = {
  SEQ_CLS: ['classifier', 'score'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
}

/** A base model with named adapters. One or more may be active; they compose. */
export class AdaptedModel {
  private readonly adapters = new Map<string, Adapter>()
  private active: readonly string[] = []
  private enabled = true
  private mergedNames: readonly string[] = []
  private mergedSources: ReadonlyMap<string, ParameterSource> = new Map()
  private readonly trees = new Map<string, Model>()

  constructor(readonly base: BaseModel) {}

  /** All adapters, in the order they were added. */
  get adapterNames(): readonly string[] {
    return [...this.adapters.keys()]
  }

  /** Names of the active adapters. */
  get activeAdapters(): readonly string[] {
    return this.active
  }

  /** Names of the merged adapters. */
  get mergedAdapters(): readonly string[] {
    return this.mergedNames
  }

  /** Whether adapters take part in the forward pass. */
  get isEnabled(): boolean {
    return this.enabled
  }

  /** An adapter. Throws adapter.name, listing those that exist. */
  adapter(name: string): Adapter {
    const found = this.adapters.get(name)
    if (found === undefined)
      throw new EspalierError('adapter.name', {
        what: 'no adapter has this name',
        got: { name, adapters: this.adapterNames },
      })
    return found
  }

  /** Adds an adapter; the first one becomes active. Nothing changes when it throws: adapter.name, target.none, target.unsupported, config errors. */
  addAdapter(name: string, configured: ConfiguredTuner, options: AddAdapterOptions = {}): Adapter {
    if (this.adapters.has(name))
      throw new EspalierError('adapter.name', {
        what: 'an adapter of this name exists',
        got: { name },
        fix: 'Use another name, or delete it first',
      })
    if (name === '' || /[/\\]|^\.+$/.test(name))
      throw new EspalierError('adapter.name', {
        what: 'an adapter’s name becomes a folder; it cannot be empty or hold slashes',
        got: { name },
      })
    const { tuner } = configured
    if (tuner.family !== 'layer')
      throw new EspalierError('config.unsupported', {
        what: 'this family of tuners cannot be attached yet',
        got: { kind: tuner.kind, family: tuner.family },
      })
    const first = this.adapters.values().next().value
    if (first !== undefined && first.tuner.kind !== tuner.kind) {
      throw new EspalierError('adapter.state', {
        what: 'all adapters of a model are of one method',
        got: { name, kind: tuner.kind, existing: first.tuner.kind },
      })
    }
    const made = this.createAdapter(name, tuner, configured, options)
    this.adapters.set(name, made)
    if (this.active.length === 0) this.active = [name]
    this.trees.clear()
    return made
  }

  /** Chooses the active adapters. Throws adapter.name; adapter.state when two of them save one module or something is merged. */
  setAdapter(names: string | readonly string[]): void {
    const list = typeof names === 'string' ? [names] : [...names]
    const adapters = list.map((name) => this.adapter(name))
    this.requireUnmerged('switched')
    const owners = new Map<string, string>()
    for (const { name, saved } of adapters) {
      for (const { path } of saved) {
        const other = owners.get(path)
        if (other !== undefined)
          throw new EspalierError('adapter.state', {
            what: 'two adapters that train one module in full cannot be active together',
            got: { module: path, adapters: [other, name] },
          })
        owners.set(path, name)
      }
    }
    this.active = list
  }

  /** Lets adapters take part in the forward pass or not. */
  setEnabled(enabled: boolean): void {
    this.enabled = enabled
  }

  /** Removes an adapter; when it was active the first remaining one becomes active. Throws adapter.name, adapter.state when it is merged. */
  deleteAdapter(name: string): void {
    const adapter = this.adapter(name)
    if (this.mergedNames.includes(name))
      throw new EspalierError('adapter.state', {
        what: 'a merged adapter cannot be deleted',
        got: { name },
        fix: 'Unmerge first',
      })
    adapter.release()
    this.adapters.delete(name)
    const left = this.active.filter((other) => other !== name)
    const next = [...this.adapters.keys()].sort()[0]
    this.active = left.length > 0 || next === undefined ? left : [next]
    this.trees.clear()
  }

  /** The tree of the present state. Active adapter i keeps its tensors in state slots `adapter<i>:<key>`. */
  get model(): Model {
    const key = !this.enabled ? 'base' : this.mergedNames.length > 0 ? 'merged' : this.active.join('\n')
    const known = this.trees.get(key)
    if (known !== undefined) return known
    const made = !this.enabled
      ? this.base.model
      : this.mergedNames.length > 0
        ? this.mergedModel()
        : this.adaptedModel(this.active.map((name) => this.adapter(name)))
    this.trees.set(key, made)
    return made
  }

  /** Active adapters with the prefix of their slots; none while disabled or merged. */
  get boundAdapters(): readonly { readonly adapter: Adapter; readonly prefix: string }[] {
    if (!this.enabled || this.mergedNames.length > 0) return []
    return this.active.map((name, index) => ({ adapter: this.adapter(name), prefix: slotPrefix(index) }))
  }

  /** The active adapters as something to train. Throws adapter.state when there is none, or it is merged or disabled. */
  trainable(): TrainableModel {
    const bound = this.boundAdapters
    if (bound.length === 0)
      throw new EspalierError('adapter.state', {
        what: 'there is no active adapter to train',
        got: { active: this.active, merged: this.mergedNames, enabled: this.enabled },
      })
    return {
      model: this.model,
      async trainable() {
        const entries = await Promise.all(
          bound.map(async ({ adapter, prefix }) =>
            [...(await adapter.values())].map(([key, value]) => [prefix + key, value] as const),
          ),
        )
        return new Map(entries.flat())
      },
      fixed: () =>
        new Map(
          bound.flatMap(({ adapter, prefix }) =>
            [...adapter.buffers].map(([key, value]) => [prefix + key, value] as const),
          ),
        ),
      commit(values) {
        for (const { adapter, prefix } of bound) {
          adapter.setValues(
            new Map(
              [...values].flatMap(([slot, value]) =>
                slot.startsWith(prefix) ? [[slot.slice(prefix.length), value] as const] : [],
              ),
            ),
            { partial: true },
          )
        }
      },
    }
  }

  /** Layers that the adapters change, each with their parts in order, under slots `merge<i>:`. Throws adapter.state for methods without merge. */
  mergeSites(names: readonly string[]): { readonly layer: Adaptable; readonly parts: readonly AdapterPart[] }[] {
    const adapters = names.map((name) => this.adapter(name))
    for (const { name, tuner } of adapters) {
      if (tuner.merge === undefined)
        throw new EspalierError('adapter.state', {
          what: 'this method cannot be merged',
          got: { name, kind: tuner.kind },
        })
    }
    return namedModules(this.mergedNames.length > 0 ? this.mergedModel() : this.base.model).flatMap(
      ({ module, paths }) => {
        const parts = isAdaptable(module) ? partsAt(adapters, paths, mergePrefix) : []
        return parts.length === 0 ? [] : [{ layer: module as Adaptable, parts }]
      },
    )
  }

  /** Takes merged weights over: sources by parameter path. They replace the base's until `clearMerged`. */
  setMerged(names: readonly string[], sources: ReadonlyMap<string, ParameterSource>): void {
    this.mergedNames = [...this.mergedNames, ...names]
    this.mergedSources = new Map([...this.mergedSources, ...sources])
    this.trees.clear()
  }

  /** Sources that merging replaced so far, by parameter path. */
  get replacedSources(): ReadonlyMap<string, ParameterSource> {
    return this.mergedSources
  }

  /** Undoes merging, exactly: the base's weights were never touched. */
  clearMerged(): void {
    this.mergedNames = []
    this.mergedSources = new Map()
    this.trees.clear()
  }

  /** Trainable and all parameters, as PEFT counts them. */
  parameterCounts(): { readonly trainable: number; readonly all: number } {
    const count = (shapes: Iterable<{ readonly shape: readonly number[] }>) =>
      [...shapes].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
    const own = (name: string) => count(this.adapter(name).specs.values())
    const base = count(namedParameters(this.base.model).values())
    return {
      trainable: this.active.reduce((sum, name) => sum + own(name), 0),
      all: this.adapterNames.reduce((sum, name) => sum + own(name), base),
    }
  }

  /** PEFT's line: `trainable params: 1,024 || all params: 74,944 || trainable%: 1.3664`. */
  printTrainableParameters(): string {
    const { trainable, all } = this.parameterCounts()
    const number = (value: number) => value.toLocaleString('en-US')
    return `trainable params: ${number(trainable)} || all params: ${number(all)} || trainable%: ${((100 * trainable) / all).toFixed(4)}`
  }

  private createAdapter(
    name: string,
    tuner: LayerTuner,
    configured: ConfiguredTuner,
    options: AddAdapterOptions,
  ): Adapter {
    const { base } = this
    const { model, modelType } = base
    const metadata = completeMetadata(base, { ...configured.metadata, ...options.metadata })
    const heads = headModules[(metadata.taskType ?? '') as TaskType] ?? []
    const given = configured.config as TargetConfig
    const modulesToSave =
      heads.length > 0 ? [...new Set([...(given.modulesToSave ?? []), ...heads])] : given.modulesToSave
    const resolved = resolveTargets(
      { ...given, modulesToSave },
      model,
      tuner.defaultTargets?.(modelType) ?? base.defaultTargets,
      modelType,
    )
    const found = findTargets(model, tuner, resolved)
    const sites = found.map(({ site }) => site)
    const saved = this.findSaved(modulesToSave ?? [])
    const config = (tuner.resolve?.(resolved, { modelType, modelConfig: base.config, sites }) ??
      resolved) as TargetConfig
    const condensed =
      Array.isArray(config.targetModules) && tuner.kind !== 'ia3'
        ? condenseTargets(
            config.targetModules,
            namedModules(model).flatMap(({ paths }) => paths),
          )
        : config.targetModules
    const parameters = namedParameters(model)
    const copied = new Map(
      saved.flatMap((module) =>
        module.parameters.map((path) => [path, (parameters.get(path) as Parameter).source] as const),
      ),
    )
    const random = new Random(options.seed ?? 0)
    return new Adapter(
      {
        name,
        tuner,
        config: { ...config, targetModules: condensed },
        metadata,
        sites,
        saved,
        warnings: configured.unknownKeys.map((key) => `unknown key in the configuration: ${key}`),
      },
      createValues(tuner, config, sites, random),
      createBuffers(tuner, config, sites),
      copied,
    )
  }

  private findSaved(names: readonly string[]): SavedModule[] {
    const saved: SavedModule[] = []
    for (const { paths, module } of namedModules(this.base.model)) {
      const path = paths.find((candidate) => candidate !== '' && names.some((name) => candidate.endsWith(name)))
      if (path === undefined || saved.some((other) => path.startsWith(`${other.path}.`))) continue
      const parameters = [...namedParameters(module).values()].map((parameter) => parameter.path)
      if (parameters.length > 0) saved.push({ path, parameters })
    }
    return saved
  }

  private adaptedModel(adapters: readonly Adapter[]): Model {
    return mapModules(this.base.model, (module, paths) => {
      const savedBy = adapters.findIndex(({ saved }) => saved.some(({ path }) => paths.includes(path)))
      if (savedBy >= 0)
        return mapParameters(module, (parameter) => parameter.asState(slotPrefix(savedBy) + parameter.path))
      if (!isAdaptable(module)) return module
      const parts = partsAt(adapters, paths, slotPrefix)
      return parts.length === 0 ? module : new AdaptedLayer(module, parts)
    })
  }

  private mergedModel(): Model {
    return mapParameters(this.base.model, (parameter) => {
      const source = this.mergedSources.get(parameter.path)
      return source === undefined ? parameter : parameter.withSource(source)
    })
  }

  private requireUnmerged(what: string): void {
    if (this.mergedNames.length > 0)
      throw new EspalierError('adapter.state', {
        what: `merged adapters cannot be ${what}`,
        got: { merged: this.mergedNames },
        fix: 'Unmerge first',
      })
  }
}

/** Prefix of the state slots of the active adapter number `index`. Names do not matter, so adapters of one structure share programs. */
export function slotPrefix(index: number): string {
  return `adapter${index}:`
}

/** Prefix of the state slots of adapter number `index` in a program that merges. */
export function mergePrefix(index: number): string {
  return `merge${index}:`
}

function partsAt(
  adapters: readonly Adapter[],
  paths: readonly string[],
  prefix: (index: number) => string,
): AdapterPart[] {
  return adapters.flatMap((adapter, index) => {
    const site = adapter.sites.find(({ path }) => paths.includes(path))
    return site === undefined ? [] : [partOf(adapter, site, prefix(index))]
  })
}

function partOf(adapter: Adapter, site: Site, prefix: string): AdapterPart {
  const state = (key: string, tensor: { readonly dtype: HostTensor['dtype']; readonly shape: readonly number[] }) =>
    new Parameter(
      key,
      tensor.dtype,
      tensor.shape,
      { dtype: tensor.dtype, shape: tensor.shape, read: async () => new Uint8Array() },
      'state',
      prefix + key,
    )
  const named: Record<string, Parameter> = {}
  for (const [name, fileKey] of Object.entries(siteFileKeys(adapter.tuner, site, adapter.config))) {
    const key = `${site.path}.${fileKey}`
    const spec = adapter.specs.get(key)
    if (spec !== undefined) named[name] = state(key, spec)
  }
  for (const name of Object.keys(adapter.tuner.buffers?.({ site, config: adapter.config }) ?? {})) {
    const key = bufferKey(site, name)
    named[name] = state(key, adapter.buffers.get(key) as HostTensor)
  }
  return new AdapterPart(adapter.name, adapter.tuner, adapter.config, site, new SiteState(named))
}

function completeMetadata(
  { model, nameOrPath, revision }: BaseModel,
  given: Partial<AdapterMetadata> = {},
): AdapterMetadata {
  const taskType = given.taskType ?? null
  return {
    taskType,
    baseModelNameOrPath: given.baseModelNameOrPath ?? nameOrPath,
    revision: given.revision ?? revision,
    inferenceMode: given.inferenceMode ?? false,
    autoMapping:
      given.autoMapping ??
      (taskType === null
        ? { base_model_class: model.className, parent_library: `transformers.models.${libraryOf(model)}` }
        : null),
    peftVersion: PEFT_VERSION,
  }
}

function libraryOf(model: Model): string {
  const family = model.className.replace(/(For[A-Z].*|Model|LMHeadModel)$/, '').toLowerCase()
  return `${family}.modeling_${family}`
}
