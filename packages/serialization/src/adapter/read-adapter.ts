/** Reading a PEFT adapter folder: its configuration as it is in the file, and its tensors by range. What they mean is the tuner's. */
import { EspalierError } from '@espalier/core'
import { type ModelFiles, readJson } from '../files/model-files.js'
import { type LocatedTensor, openWeights } from '../safetensors/sharded.js'
import { fromFileKey, hasWrapper, twice } from './keys.js'
import { refuseModel } from './refuse-model.js'

/** The names of an adapter's files. */
export const ADAPTER_CONFIG = 'adapter_config.json'
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors'

/** adapter_config.json as plain data. */
export interface AdapterConfigFile {
  /** `peft_type`, in upper case: LORA. */
  readonly peftType: string
  /** Every key as the file has it. */
  readonly values: Readonly<Record<string, unknown>>
}

/** An open adapter folder. */
export interface AdapterFiles extends AdapterConfigFile {
  /** Tensors by path in the base model and name, `model.layers.0.self_attn.q_proj.lora_A.weight`, whatever prefix the file had. */
  readonly tensors: ReadonlyMap<string, LocatedTensor>
  /** Names in the file that hold what compiled and parallel models leave in them, which PEFT does not read. */
  readonly wrapped: readonly string[]
  close(): Promise<void>
}

/** Opens an adapter folder. Throws file.missing, adapter.config, adapter.key, model.pickle, safetensors.*. */
export async function readAdapter(files: ModelFiles): Promise<AdapterFiles> {
  const config = await readAdapterConfig(files)
  const weights = await openWeights(files, 'adapter_model')
  const tensors = new Map<string, LocatedTensor>()
  const doubled: string[] = []
  for (const [name, tensor] of weights.tensors) {
    const key = fromFileKey(name)
    if (tensors.has(key)) doubled.push(name)
    tensors.set(key, tensor)
  }
  if (doubled.length > 0) {
    await weights.close()
    throw twice(doubled, files.description)
  }
  return { ...config, tensors, wrapped: [...weights.tensors.keys()].filter(hasWrapper), close: () => weights.close() }
}

/** Reads adapter_config.json alone. Throws file.missing, file.json, adapter.config. */
export async function readAdapterConfig(files: ModelFiles): Promise<AdapterConfigFile> {
  await refuseModel(files, ADAPTER_CONFIG)
  const values = await readJson(files, ADAPTER_CONFIG)
  const fail = (what: string, got: Record<string, unknown>, fix: string) =>
    new EspalierError('adapter.config', { what, got: { file: ADAPTER_CONFIG, folder: files.description, ...got }, fix })
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw fail('an adapter’s configuration is not an object', {}, 'Save the adapter again with PEFT.')
  }
  const record = values as Record<string, unknown>
  const peftType = record.peft_type
  if (typeof peftType === 'string' && peftType !== '') return { peftType: peftType.toUpperCase(), values: record }
  if (typeof record.fine_tune_type === 'string') {
    throw fail(
      'this is an adapter of mlx-lm, not of PEFT',
      { fine_tune_type: record.fine_tune_type },
      'Convert it to PEFT’s format first.',
    )
  }
  throw fail(
    'an adapter’s configuration has no peft_type',
    { keys: Object.keys(record) },
    'Add it, for example "peft_type": "LORA".',
  )
}
