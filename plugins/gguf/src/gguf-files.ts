/** A GGUF file as the folder that transformers would have for the model: whoever reads models reads it, and nothing is written. */
import { EspalierError } from '@espalier/core'
import { blobFiles, type ModelFiles, type RandomAccessFile } from '@espalier/serialization'
import { badHeader, unsupportedGguf } from './errors.js'
import { familyOf } from './families/families.js'
import type { GgufFamily, GgufModel } from './families/family.js'
import { Metadata } from './header/metadata.js'
import { readHeader } from './header/read-header.js'
import { tokenizerFiles } from './tokenizer/tokenizer-files.js'
import { GGUF_METHOD } from './weights/gguf-weights.js'
import { type StoredTensor, storedTensors } from './weights/stored-tensor.js'
import { weightsFile } from './weights/weights-file.js'

const WEIGHTS = 'model.safetensors'

/**
 * The model of a GGUF file: config.json, generation_config.json, the tokenizer's files where its kind is read, and weights that stay packed.
 * folder, name: where the file is. Give the result to `loadModel` or `fromPretrained`, with `ggufWeights()` among the quantizers. Throws
 * file.missing, gguf.header for a file that is not what the format demands, gguf.unsupported for what is not read.
 */
export async function ggufFiles(folder: ModelFiles, name: string): Promise<ModelFiles> {
  const file = await folder.open(name)
  try {
    const { metadata: values, tensors } = await readHeader(file)
    const metadata = new Metadata(values, file)
    const model = { metadata, tensors }
    const family = familyOf(metadata)
    const stored = placed(model, family)
    return new GgufFolder(folder, name, textFiles(model, family), stored)
  } finally {
    await file.close()
  }
}

/** The tensors of the model. Throws gguf.unsupported for one that the family does not have. */
function placed(model: GgufModel, family: GgufFamily): StoredTensor[] {
  const names = new Set<string>()
  return [...model.tensors.values()].flatMap((tensor) => {
    const placement = family.place(tensor.name, model)
    if (placement === null) return []
    if (placement === undefined)
      throw unsupportedGguf('the model has no place for a tensor', model.metadata.file, {
        architecture: family.architecture,
        tensor: tensor.name,
      })
    if (names.has(placement.name))
      throw badHeader('two tensors are one of the model', model.metadata.file, { tensor: tensor.name })
    names.add(placement.name)
    return storedTensors(tensor, placement)
  })
}

function textFiles(model: GgufModel, family: GgufFamily): ReadonlyMap<string, Blob> {
  const { metadata, tensors } = model
  const id = (which: string) => metadata.number(`tokenizer.ggml.${which}_token_id`)
  const [bos, eos, padding, turn] = [id('bos'), id('eos'), id('padding'), id('eot')]
  const ids = {
    ...(bos !== undefined && { bos_token_id: bos }),
    ...(eos !== undefined && { eos_token_id: eos }),
    ...(padding !== undefined && { pad_token_id: padding }),
  }
  const isPacked = [...tensors.values()].some(({ type }) => type.packed !== undefined)
  const config = {
    ...family.config(model),
    ...ids,
    ...(isPacked && { quantization_config: { quant_method: GGUF_METHOD } }),
  }
  const ends =
    turn === undefined || turn === eos ? ids : { ...ids, eos_token_id: [...(eos === undefined ? [] : [eos]), turn] }
  const files = new Map<string, unknown>([
    ['config.json', config],
    ['generation_config.json', ends],
    ...tokenizerOrNone(metadata),
  ])
  return new Map([...files].map(([file, value]) => [file, new Blob([JSON.stringify(value)])]))
}

// A tokenizer that is not read may be given otherwise; who asks for this one is told then.
function tokenizerOrNone(metadata: Metadata): ReadonlyMap<string, unknown> {
  try {
    return tokenizerFiles(metadata)
  } catch (error) {
    if (EspalierError.isInstance(error) && error.code === 'gguf.unsupported') return new Map()
    throw error
  }
}

class GgufFolder implements ModelFiles {
  readonly description: string
  private readonly texts: ModelFiles

  constructor(
    private readonly own: ModelFiles,
    private readonly name: string,
    texts: ReadonlyMap<string, Blob>,
    private readonly tensors: readonly StoredTensor[],
  ) {
    this.description = `${own.description}/${name}`
    this.texts = blobFiles(texts, this.description)
  }

  async open(name: string): Promise<RandomAccessFile> {
    return name === WEIGHTS ? weightsFile(name, await this.own.open(this.name), this.tensors) : this.texts.open(name)
  }

  async exists(name: string): Promise<boolean> {
    return name === WEIGHTS || this.texts.exists(name)
  }

  async list(): Promise<readonly string[]> {
    return [...(await this.texts.list()), WEIGHTS].sort()
  }

  folder(name: string): ModelFiles {
    return this.texts.folder(name)
  }
}
