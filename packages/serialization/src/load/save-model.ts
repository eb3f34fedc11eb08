/** A model with all its weights as an ordinary Hugging Face folder: after training all parameters, or after a merge. */
import {
  type BaseModel,
  byteSize,
  type DType,
  EspalierError,
  type HostTensor,
  hostTensor,
  hostTensorFromBytes,
  isFloat,
  LanguageModel,
  MaskedLM,
  type Model,
  memorySource,
  namedParameters,
  type Parameter,
  type ParameterSource,
  packedParameters,
  parameterUses,
  sizeOf,
  toFloat32,
} from '@espalier/core'
import { pythonJson } from '../adapter/python-json.js'
import { openTarget, type Target } from '../files/open-source.js'
import { textContent, type WriteOptions } from '../files/output-folder.js'
import { safetensorsDType } from '../safetensors/dtype.js'
import { type TensorToWrite, writeSafetensors } from '../safetensors/writer.js'
import { sourceToWrite } from './save-adapter.js'

/** Options of saveModel. */
export interface SaveModelOptions extends WriteOptions {
  /** Parameters that replace the model's own, by path. */
  readonly values?: ReadonlyMap<string, HostTensor>
  /** More text files to write, such as generation_config.json. */
  readonly files?: Readonly<Record<string, string>>
  /**
   * What all weights are written in but packed ones, which stay as they are, and what config.json says. Default: what config.json names where any weight is still stored in it, so
   * that a merged model is as large as its base; otherwise f32 when any weight is, as after training all parameters.
   */
  readonly dtype?: SavedDType
}

/** Dtypes of a model's weights in files. */
export type SavedDType = 'f32' | 'f16' | 'bf16'

/** Writes model.safetensors and, last, config.json. Weights stream from where they are, one at a time. Throws file.write; model.unsupported for a head that merging gave a weight of its own where the architecture has none; or the signal's reason. */
export async function saveModel(
  { model, config }: Pick<BaseModel, 'model' | 'config'>,
  target: Target,
  options: SaveModelOptions = {},
): Promise<void> {
  const { values = new Map<string, HostTensor>(), files = {}, signal } = options
  const output = openTarget(target)
  const parameters = [...namedParameters(model).values()].filter(({ isPersistent }) => isPersistent)
  const packed = packedParameters(model)
  const kept = parameters.flatMap((parameter) =>
    values.has(parameter.path) || packed.has(parameter) ? [] : [parameter.source.dtype],
  )
  const saved = options.dtype ?? dtypeOf(config, kept)
  const untied = untiedHead(model, config)
  const tensors = parameters.flatMap((parameter) => {
    const { path } = parameter
    const value = values.get(path)
    const source = value === undefined ? parameter.source : memorySource(value)
    if (parameter.stored.length > 0)
      return partsOf(parameter, source).map((part) => inDType(part.name, part.source, saved))
    const names = new Set([path, untied.names.get(parameter) ?? path])
    return [...names].map((name) =>
      packed.has(parameter) ? sourceToWrite(name, source) : inDType(name, source, saved),
    )
  })
  const dtype = TORCH_NAMES[saved]
  await writeSafetensors(output, 'model.safetensors', tensors, { signal })
  for (const [name, text] of Object.entries(files)) await output.write(name, textContent(text), { signal })
  const { torch_dtype: _, ...rest } = config
  const saidNow = { ...rest, ...untied.config, architectures: [model.className], dtype }
  const text = pythonJson(saidNow, (key) => FLOAT_KEYS.has(key))
  await output.write('config.json', textContent(`${text}\n`), { signal })
}

// Keys whose usual values are whole, where transformers refuses a whole number.
const FLOAT_KEYS = new Set([
  'initializer_factor',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'encoder_layerdrop',
  'decoder_layerdrop',
  'router_jitter_noise',
  'llm_int8_threshold',
])

interface UntiedHead {
  /** What config.json says of it. */
  readonly config: Readonly<Record<string, unknown>>
  /** What its parameters are called in their modules. A bias that is elsewhere beside a shared weight is written under both names, as transformers does. */
  readonly names: ReadonlyMap<Parameter, string>
}

// A head that merging gave a weight of its own: whoever reads the configuration must not tie it again. Some families tie by default.
function untiedHead(model: Model, config: BaseModel['config']): UntiedHead {
  const tied: UntiedHead = { config: {}, names: new Map() }
  if (!(model instanceof LanguageModel || model instanceof MaskedLM) || config.tie_word_embeddings === false)
    return tied
  const head = new Set(model.outputLayers().flatMap((module) => [...namedParameters(module).values()]))
  const uses = parameterUses(model).filter(({ parameter }) => head.has(parameter))
  if (head.size === 0 || uses.length !== head.size) return tied
  if (model.untiedConfig === null)
    throw new EspalierError('model.unsupported', {
      what: 'the adapter was merged into a weight that the head shares, and this model has no head with a weight of its own',
      got: { className: model.className, head: uses.map(({ path }) => path) },
      fix: 'Save the adapter instead of the merged model, or leave the token table out of its targets.',
    })
  return { config: model.untiedConfig, names: new Map(uses.map(({ parameter, path }) => [parameter, path])) }
}

// `dtype` is the key of newer configurations.
function dtypeOf({ dtype, torch_dtype: older }: BaseModel['config'], kept: readonly DType[]): SavedDType {
  const named = savedDTypes.find((known) => TORCH_NAMES[known] === String(dtype ?? older).replace('torch.', ''))
  if (named !== undefined && kept.includes(named)) return named
  return savedDTypes.find((known) => kept.includes(known)) ?? 'f32'
}

// What files have in a parameter's place: as its own files have it, or cut out of one value.
function partsOf({ stored }: Parameter, source: ParameterSource): { name: string; source: ParameterSource }[] {
  const { dtype, parts = [] } = source
  let start = 0
  return stored.map(({ name, shape }, i) => {
    const [from, to] = [start, start + byteSize(dtype) * sizeOf(shape)]
    start = to
    const cut = { dtype, shape, read: async () => (await source.read()).subarray(from, to) }
    return { name, source: parts.length === stored.length ? (parts[i] as ParameterSource) : cut }
  })
}

// Rounded when its turn comes; other tensors than floats stay as they are.
function inDType(name: string, source: ParameterSource, saved: SavedDType): TensorToWrite {
  const { dtype, shape } = source
  if (dtype === saved || !isFloat(dtype)) return sourceToWrite(name, source)
  const bytes = async () => {
    const { data } = hostTensor(saved, shape, toFloat32(hostTensorFromBytes(dtype, shape, await source.read())))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
  return { name, dtype: safetensorsDType(saved), shape, bytes }
}

const savedDTypes: readonly SavedDType[] = ['f32', 'bf16', 'f16'] // in order of choice
const TORCH_NAMES: { readonly [D in SavedDType]: string } = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' }
