/** A pretrained model on a backend, without adapters. */
import { type Backend, type BaseModel, EspalierError, type Model, printModule } from '@espalier/core'
import {
  type LoadedModel,
  memoryFolder,
  openTarget,
  type SaveModelOptions,
  saveModel,
  type Target,
} from '@espalier/serialization'
import { requireComputes } from './compute-dtype.js'
import { hold, letGo } from './held.js'
import { checkSaveOptions } from './known-model-options.js'
import { type HeldState, RuntimeModel, type RuntimeOptions } from './runtime-model.js'
import { saveTokenizer } from './save-tokenizer.js'

/** What a base model may be given beside its files. */
export interface PretrainedOptions extends RuntimeOptions {
  /** Another tree of the same architecture than the files': merged or trained weights. */
  readonly model?: Model
}

/** Options of `savePretrained` of a plain model. */
export interface SavePretrainedOptions extends Pick<SaveModelOptions, 'signal' | 'values' | 'dtype'> {
  /** Replaces the model's own files, where the folder is the one that it was loaded from. Default false. */
  readonly overwrite?: boolean
}

/** A base model. Adapters attach to it without changing it. */
export class PretrainedModel extends RuntimeModel {
  private closed = false
  private tree: () => Model
  private readonly closing = new Set<() => void | Promise<void>>()
  private readonly options: PretrainedOptions

  constructor(loaded: LoadedModel, backend: Backend, options: PretrainedOptions = {}) {
    requireComputes(backend, loaded.dtype)
    super(hold(loaded), hold(backend), options)
    const { model = loaded.model } = options
    this.tree = () => model
    this.options = options
  }

  get model(): Model {
    return this.tree()
  }

  /** The model as adapters see it. */
  get asBase(): BaseModel {
    return { ...this.loaded, model: this.model }
  }

  /** A handle on another tree of the same model: merged or trained weights. */
  withModel(model: Model, options: Pick<RuntimeOptions, 'gradientCheckpointing'> = {}): PretrainedModel {
    const own = { ...this.options, tokenizer: () => this.tokenizer(), model, ...options }
    return new PretrainedModel(this.loaded, this.backend, own)
  }

  /** Takes over what training all parameters changes; the function is asked whenever the model is used. */
  adopt(tree: () => Model): void {
    this.tree = tree
    this.dropWeights()
  }

  protected holdStates(): readonly HeldState[] {
    return []
  }

  /** The same model on another backend: a new handle; this one stays usable. */
  async to(backend: Backend): Promise<PretrainedModel> {
    return new PretrainedModel(this.loaded, backend, {
      ...this.options,
      tokenizer: () => this.tokenizer(),
      model: this.model,
    })
  }

  /** Writes an ordinary Hugging Face folder: config.json, model.safetensors and the tokenizer's files; `dtype`: see SaveModelOptions. Throws config.*, also for the folder that the model was loaded from without `overwrite`; file.write. */
  async savePretrained(target: Target, given: SavePretrainedOptions = {}): Promise<void> {
    checkSaveOptions(given)
    const { overwrite = false, ...options } = given
    if (!overwrite) await refuseOwnFolder(target, this.loaded.files.path)
    const { generationConfig } = this.loaded
    const files: Record<string, string> =
      Object.keys(generationConfig).length > 0
        ? { 'generation_config.json': `${JSON.stringify(generationConfig, null, 2)}\n` }
        : {}
    await saveModel({ model: this.model, config: this.config }, target, { ...options, files })
    await saveTokenizer(this, target)
  }

  /** The folder that `savePretrained` writes, by name, for archives and uploads. */
  async toFiles(): Promise<Map<string, Blob>> {
    const folder = memoryFolder()
    await this.savePretrained(folder)
    return folder.toFiles()
  }

  /** The module tree as text. */
  override toString(): string {
    return printModule(this.model)
  }

  /** Calls back when this model closes: whoever has something on its backend gives it back then. The result takes the callback back. */
  onClose(release: () => void | Promise<void>): () => void {
    this.closing.add(release)
    return () => void this.closing.delete(release)
  }

  /** Lets go of weights, files and backend, which close with their last model, and of the adapters on this base. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.all(Array.from(this.closing, (release) => release()))
    this.dropWeights()
    await letGo(this.loaded)
    await letGo(this.backend)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** Throws config.value for the folder of the base, whose weights would be replaced. */
async function refuseOwnFolder(target: Target, base: string | undefined): Promise<void> {
  const output = openTarget(target)
  if (base === undefined || (await output.isAt?.(base)) !== true) return
  throw new EspalierError('config.value', {
    what: 'this is the folder that the model was loaded from: its weights would be replaced',
    got: { target: output.description, base },
    fix: 'Choose another folder, or set overwrite: true',
  })
}
