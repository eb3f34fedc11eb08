/** A pretrained model on a backend, without adapters. */
import { type Backend, type HostTensor, type Model, printModule, type StateBinding } from '@espalier/core'
import type { Tokenizer } from '@espalier/data'
import { type LoadedModel, saveModel, type Target } from '@espalier/serialization'
import { holdBackend, letGoOfBackend } from './default-backend.js'
import { RuntimeModel } from './runtime-model.js'
import { saveTokenizer } from './save-tokenizer.js'

/** A base model. Adapters attach to it without changing it. */
export class PretrainedModel extends RuntimeModel {
  private closed = false

  constructor(loaded: LoadedModel, backend: Backend, tokenizer?: Promise<Tokenizer>) {
    super(loaded, holdBackend(backend), tokenizer)
  }

  get model(): Model {
    return this.loaded.model
  }

  /** Takes another tree of the same model: merged or fully trained weights. */
  withModel(model: Model): PretrainedModel {
    return new PretrainedModel({ ...this.loaded, model, close: async () => {} }, this.backend, this.tokenizer())
  }

  async stateBindings(): Promise<readonly StateBinding[]> {
    return []
  }

  /** The same model on another backend: a new handle; this one stays usable. */
  async to(backend: Backend): Promise<PretrainedModel> {
    return new PretrainedModel({ ...this.loaded, close: async () => {} }, backend, this.tokenizer())
  }

  /** Writes an ordinary Hugging Face folder: config.json, model.safetensors and the tokenizer's files. */
  async savePretrained(
    target: Target,
    options: { readonly signal?: AbortSignal; readonly values?: ReadonlyMap<string, HostTensor> } = {},
  ): Promise<void> {
    const { generationConfig } = this.loaded
    const files: Record<string, string> =
      Object.keys(generationConfig).length > 0
        ? { 'generation_config.json': `${JSON.stringify(generationConfig, null, 2)}\n` }
        : {}
    await saveModel({ model: this.model, config: this.config }, target, { ...options, files })
    await saveTokenizer(this, target)
  }

  /** The module tree as text. */
  override toString(): string {
    return printModule(this.model)
  }

  /** Lets go of files and of the backend, which closes with its last model. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.loaded.close()
    await letGoOfBackend(this.backend)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
