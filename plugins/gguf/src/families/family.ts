/** A family of models: what GGUF calls its settings and tensors, and what transformers calls them. */
import type { GgufHeader } from '../header/header.js'
import type { Metadata } from '../header/metadata.js'
import type { Placement } from '../weights/stored-tensor.js'

/** A file's metadata and tensors. */
export interface GgufModel {
  readonly metadata: Metadata
  readonly tensors: GgufHeader['tensors']
}

/** What is told of a family. */
export interface GgufFamily {
  /** `general.architecture`. */
  readonly architecture: string
  /** The keys of config.json that are the family's own. Throws gguf.header, gguf.unsupported. */
  config(model: GgufModel): Readonly<Record<string, unknown>>
  /** What a tensor is to the model; null: nothing, as of tables that the model computes. Undefined: the family has no such tensor. */
  place(name: string, model: GgufModel): Placement | null | undefined
}
