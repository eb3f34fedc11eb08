/** Adapters of a model as PEFT folders. */
import {
  type AdaptedModel,
  type Adapter,
  type HostTensor,
  heldIn,
  isAdaptable,
  moduleAt,
  type ParameterSource,
  type TargetConfig,
  toFileConfig,
} from '@espalier/core'
import { labelMetadata } from '../adapter/saved-labels.js'
import { writeAdapter } from '../adapter/write-adapter.js'
import { openTarget, type Target } from '../files/open-source.js'
import type { WriteOptions } from '../files/output-folder.js'
import { safetensorsDType } from '../safetensors/dtype.js'
import type { TensorToWrite } from '../safetensors/writer.js'

/** Options of saveAdapter. adapters: names of those to save (all). */
export interface SaveAdapterOptions extends WriteOptions {
  readonly adapters?: readonly string[]
}

/**
 * Saves adapters as `save_pretrained` of PEFT does: `default` to the folder itself, others below it. Each file appears whole or not at
 * all, the configuration last. Throws adapter.name, file.write, or the signal's reason.
 */
export async function saveAdapter(
  model: AdaptedModel,
  target: Target,
  options: SaveAdapterOptions = {},
): Promise<void> {
  const output = openTarget(target)
  const adapters = (options.adapters ?? model.adapterNames).map((name) => model.adapter(name))
  for (const adapter of adapters) {
    options.signal?.throwIfAborted()
    const config = toFileConfig(adapter.tuner, adapter.config, adapter.metadata)
    const tensors = await tensorsOf(model, adapter)
    await writeAdapter(
      output,
      {
        name: adapter.name,
        config,
        floatKeys: adapter.tuner.floatKeys ?? [],
        tensors,
        metadata: labelMetadata(tensors, model.base.config),
      },
      options,
    )
  }
}

/** A stored tensor as a tensor to write, read when its turn comes. */
export function sourceToWrite(name: string, source: ParameterSource): TensorToWrite {
  return { name, dtype: safetensorsDType(source.dtype), shape: source.shape, bytes: () => source.read() }
}

/** A host tensor as a tensor to write. */
export function tensorToWrite(name: string, tensor: HostTensor): TensorToWrite {
  const { data, dtype, shape } = tensor
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { name, dtype: safetensorsDType(dtype), shape, bytes: () => bytes }
}

async function tensorsOf(model: AdaptedModel, adapter: Adapter): Promise<TensorToWrite[]> {
  const values = await adapter.fileValues()
  const own = [...values].map(([key, tensor]) => tensorToWrite(key, tensor))
  return [...own, ...embeddingTensors(model, adapter).filter(({ name }) => !values.has(name))]
}

/** Modules whose base weights PEFT stores with an adapter that targets one of them by name (`save_embedding_layers="auto"`). */
const EMBEDDING_NAMES = ['embed_tokens', 'lm_head']

function embeddingTensors({ base }: AdaptedModel, { config, sites }: Adapter): TensorToWrite[] {
  const { targetModules } = config as TargetConfig
  if (!EMBEDDING_NAMES.some((name) => targetModules?.includes(name))) return []
  return sites.flatMap(({ path }) => {
    const layer = EMBEDDING_NAMES.includes(path.split('.').at(-1) ?? '') ? moduleAt(base.model, path) : undefined
    const held = isAdaptable(layer) ? heldIn(layer, 'weight', layer.weight.parameters) : []
    return held.map(({ name, value }) => sourceToWrite(`${path}.base_layer.${name}`, value.source))
  })
}
