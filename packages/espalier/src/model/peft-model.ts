/** A base model with adapters on a backend: PEFT's PeftModel. */
import {
  AdaptedModel,
  type AddAdapterOptions,
  type ConfiguredTuner,
  EspalierError,
  type Hold,
  type MergedWeights,
  type MergeOptions,
  type Model,
  mergedWeights,
  printModule,
  requireParts,
  type SetAdapterOptions,
  type Tuner,
  type WeightSet,
  withValues,
} from '@espalier/core'
import {
  type HubOptions,
  loadAdapter,
  memoryFolder,
  type Source,
  saveAdapter,
  type Target,
} from '@espalier/serialization'
import { checkAdapterOptions, checkNewAdapterOptions, checkPeftOptions } from '../auto/known-load-options.js'
import type { AdapterConfig } from '../auto/peft-config.js'
import { withKnownTuners } from '../auto/tuners.js'
import { settle } from '../platform/settle/node.js'
import { idleBiasNote } from './idle-bias-note.js'
import { checkAddOptions, checkMergeOptions, checkSaveAdaptersOptions, checkSetOptions } from './known-model-options.js'
import { mergeLossNote } from './merge-loss-note.js'
import type { PretrainedModel } from './pretrained-model.js'
import { type HeldState, RuntimeModel, type WeightsOptions } from './runtime-model.js'

/** Options of `PeftModel.fromPretrained` and `loadAdapter`. */
export interface LoadAdapterIntoOptions extends HubOptions {
  /** Default 'default' for the first adapter; later ones need a name. */
  readonly adapterName?: string
  /** More methods than the known ones. */
  readonly tuners?: readonly Tuner[]
  readonly subfolder?: string
  /** Whether its tensors train. Default false, as PEFT: it is loaded to be used; `setAdapter` lets it train later. */
  readonly isTrainable?: boolean
  /** Refuses an adapter file that lacks tensors of its configuration, instead of warning as PEFT does. Default false. */
  readonly strict?: boolean
}

/** Options of `PeftModel.fromPretrained`. */
export interface PeftFromPretrainedOptions extends LoadAdapterIntoOptions {
  /** Closes the base along with this model. Default false: whoever loaded the base closes it. */
  readonly ownsBase?: boolean
}

/** Options of `getPeftModel`. */
export interface GetPeftModelOptions extends AddAdapterOptions {
  /** Default 'default'. */
  readonly adapterName?: string
}

/** Options of `savePretrained` of adapters. */
export interface SavePeftOptions {
  /** Default: all of them. */
  readonly selectedAdapters?: readonly string[]
  readonly signal?: AbortSignal
}

/** A base model with a new adapter. The base is untouched. Throws target.*, config.*, which a taskType of another task than the model's is. */
export function getPeftModel(
  base: PretrainedModel,
  configured: ConfiguredTuner,
  options: GetPeftModelOptions = {},
): PeftModel {
  requireBase(base)
  requireTuner('peftConfig', configured)
  checkNewAdapterOptions(options)
  const { adapterName = 'default', ...rest } = options
  const adapted = new AdaptedModel(base.asBase)
  const adapter = adapted.addAdapter(adapterName, configured, withTask(base, configured, rest))
  return new PeftModel(base, adapted, adapter.warnings)
}

/** A base model with named adapters. */
export class PeftModel extends RuntimeModel {
  private readonly notes: string[]
  private disabling = 0
  private closed = false
  private readonly leaveBase: () => void

  constructor(
    readonly base: PretrainedModel,
    readonly adapted: AdaptedModel,
    warnings: readonly string[] = [],
    private readonly ownsBase = false,
  ) {
    const { gradientCheckpointing } = base
    super(base.loaded, base.backend, { tokenizer: () => base.tokenizer(), gradientCheckpointing })
    this.notes = [...warnings]
    this.leaveBase = base.onClose(() => this.release())
  }

  /** A base model with an adapter from a folder, the hub or another source. Throws adapter.*, plugin.unknown, file.missing, run.unsettled, hub.*. */
  static async fromPretrained(
    base: PretrainedModel,
    source: Source,
    given: PeftFromPretrainedOptions = {},
  ): Promise<PeftModel> {
    requireBase(base)
    checkPeftOptions(given)
    const { ownsBase = false, ...options } = given
    await settle(source, options)
    const { model, warnings } = await withKnownTuners(options.tuners ?? [], (tuners) =>
      loadAdapter(base.asBase, source, { ...options, tuners }),
    )
    if (model.base.model === base.model) return new PeftModel(base, model, warnings, ownsBase)
    // The adapter's file holds tensors of the base too: a handle on that base, which closes with this model.
    const own = base.withModel(model.base.model)
    own.onClose(base.onClose(() => own.close()))
    if (ownsBase) own.onClose(() => base.close())
    return new PeftModel(own, model, warnings, true)
  }

  get model(): Model {
    return this.adapted.model
  }

  /** What there is to know of the adapters: unknown keys, missing tensors, biases that in Python would stay trained while they do not take part, what a merge into packed weights lost. */
  get warnings(): readonly string[] {
    return this.notes
  }

  /** Names of all adapters. */
  get adapterNames(): readonly string[] {
    return this.adapted.adapterNames
  }

  /** Names of the active adapters. */
  get activeAdapters(): readonly string[] {
    return this.adapted.activeAdapters
  }

  /** Configurations by adapter name: the method's fields and those that every method has, as PEFT's. */
  get peftConfig(): Readonly<Record<string, AdapterConfig>> {
    return Object.fromEntries(
      this.adapted.adapterNames.map((name) => {
        const { tuner, config, metadata } = this.adapted.adapter(name)
        return [name, { ...config, ...metadata, peftType: tuner.kind.toUpperCase() }]
      }),
    )
  }

  protected holdStates(): readonly HeldState[] {
    return this.adapted.boundAdapters.map(({ adapter, prefix }) => ({ set: adapter.holdOn(this.backend), prefix }))
  }

  /** @internal The base's weights, one set for all adapters, so that a switch compiles nothing; merged weights are a set of their own. */
  override holdWeights(options: WeightsOptions = {}): Hold<WeightSet> {
    const { isEnabled, mergedAdapters } = this.adapted
    return isEnabled && mergedAdapters.length > 0 ? super.holdWeights(options) : this.base.holdWeights(options)
  }

  /** PEFT's line; nothing is printed. */
  printTrainableParameters(): string {
    return this.adapted.printTrainableParameters()
  }

  /** Adds a new adapter beside the others; it does not become active. */
  addAdapter(adapterName: string, configured: ConfiguredTuner, options: AddAdapterOptions = {}): void {
    requireTuner('configured', configured)
    checkAddOptions(options)
    this.notes.push(
      ...this.adapted.addAdapter(adapterName, configured, withTask(this.base, configured, options)).warnings,
    )
  }

  /** Loads another adapter; it does not become active. */
  async loadAdapter(source: Source, options: LoadAdapterIntoOptions & { readonly adapterName: string }): Promise<void> {
    requireParts(
      'options',
      options,
      ['adapterName'],
      'Give the new adapter a name: loadAdapter(source, { adapterName })',
    )
    checkAdapterOptions(options)
    await settle(source, options)
    const { warnings } = await withKnownTuners(options.tuners ?? [], (tuners) =>
      loadAdapter(this.adapted, source, { ...options, tuners }),
    )
    this.notes.push(...warnings)
  }

  /** Chooses the active adapters; they alone train from now on, none with `inferenceMode`. An adapter of the same structure compiles nothing. */
  setAdapter(adapterName: string | readonly string[], options: SetAdapterOptions = {}): void {
    checkSetOptions(options)
    this.adapted.setAdapter(adapterName, options)
    this.noteBiases(this.activeAdapters)
  }

  /** Removes an adapter. */
  deleteAdapter(adapterName: string): void {
    this.adapted.deleteAdapter(adapterName)
  }

  /** Runs `work` with the adapters disabled, and restores the state when the last such work is done. What begins meanwhile sees the disabled state too. */
  async disableAdapter<T>(work: () => T | Promise<T>): Promise<T> {
    this.disabling++
    this.adapted.setEnabled(false)
    this.noteBiases([])
    try {
      return await work()
    } finally {
      if (--this.disabling === 0) this.adapted.setEnabled(true)
    }
  }

  /** Merges adapters (the active ones) into the weights that this model runs with; the base stays as it is. */
  async mergeAdapter(options: MergeOptions = {}): Promise<void> {
    checkMergeOptions('mergeAdapter', options)
    const { names, weights } = await this.merged(options)
    this.adapted.setMerged(names, weights)
    this.dropWeights() // of what was merged before
  }

  /** Undoes `mergeAdapter`, exactly. */
  unmergeAdapter(): void {
    this.adapted.clearMerged()
    this.dropWeights()
  }

  /** The plain model with adapters merged in, as a handle to close by itself; this model stays as it is. */
  async mergeAndUnload(options: MergeOptions = {}): Promise<PretrainedModel> {
    checkMergeOptions('mergeAndUnload', options)
    const { weights } = await this.merged(options)
    return this.base.withModel(withValues(this.adapted.base.model, weights))
  }

  /** The base model. */
  unload(): PretrainedModel {
    return this.base
  }

  /** Writes adapters in PEFT's layout: `default` into the folder, others below it. */
  async savePretrained(target: Target, options: SavePeftOptions = {}): Promise<void> {
    checkSaveAdaptersOptions(options)
    const { selectedAdapters, signal } = options
    await saveAdapter(this.adapted, target, {
      ...(selectedAdapters === undefined ? {} : { adapters: selectedAdapters }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** The adapter's files by name, for archives and uploads. */
  async toFiles(): Promise<Map<string, Blob>> {
    const folder = memoryFolder()
    await this.savePretrained(folder)
    return folder.toFiles()
  }

  /** The module tree as text. */
  override toString(): string {
    return printModule(this.model)
  }

  /** Releases the adapters' state on the backend, and the base when it was loaded along with them. */
  async close(): Promise<void> {
    this.release()
    if (this.ownsBase) await this.base.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // Said once of an adapter.
  private noteBiases(active: readonly string[]): void {
    for (const name of this.adapterNames) {
      const note = active.includes(name) ? undefined : idleBiasNote(this.adapted.adapter(name))
      if (note !== undefined && !this.notes.includes(note)) this.notes.push(note)
    }
  }

  private async merged(options: MergeOptions): Promise<MergedWeights> {
    const base = this.base.holdWeights()
    try {
      const merged = await mergedWeights(this.adapted, this.backend, await base.value, options)
      const note = mergeLossNote(merged.losses)
      if (note !== undefined && !this.notes.includes(note)) this.notes.push(note)
      return merged
    } finally {
      base.release()
    }
  }

  private release(): void {
    if (this.closed) return
    this.closed = true
    this.leaveBase()
    for (const name of this.adapterNames) this.adapted.adapter(name).release()
    this.dropWeights()
  }
}

function requireBase(base: unknown): void {
  requireParts('base', base, ['asBase'], 'Give what AutoModelForCausalLM.fromPretrained or another loader returns')
}

function requireTuner(name: string, configured: unknown): void {
  requireParts(name, configured, ['tuner', 'config', 'metadata'], 'Give what lora({ r: 8 }) or another method returns')
}

/** Throws config.value where the configuration names another task than the model's: whoever loads the adapter would take another head. */
function withTask(base: PretrainedModel, configured: ConfiguredTuner, options: AddAdapterOptions): AddAdapterOptions {
  const { task } = base.model
  const named = options.metadata?.taskType ?? configured.metadata.taskType ?? null
  if (named !== null && named !== task)
    throw new EspalierError('config.value', {
      what: 'the adapter is configured for another task than the model is for',
      got: { taskType: named, model: task },
      fix: 'Leave taskType out, or load the model with the head of that task',
    })
  const taskType = task === 'FEATURE_EXTRACTION' || task === 'MASKED_LM' ? named : task
  return { ...options, metadata: { ...options.metadata, taskType } }
}
