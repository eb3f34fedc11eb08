/** A PEFT adapter folder, from wherever it is, attached to a base model. */
import {
  AdaptedModel,
  type Adapter,
  type BaseModel,
  EspalierError,
  type FileTensor,
  type HostTensor,
  hostTensorFromBytes,
  isFloat,
  namedParameters,
  parameterUses,
  type Tuner,
  toFloat32,
  withValues,
} from '@espalier/core'
import { asOfFile, configureAdapter } from '../adapter/configure-adapter.js'
import { withoutAdapterName } from '../adapter/keys.js'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterFiles, readAdapter } from '../adapter/read-adapter.js'
import { savedLabels } from '../adapter/saved-labels.js'
import type { ModelFiles } from '../files/model-files.js'
import { openSource, type Source } from '../files/open-source.js'
import type { HubOptions } from '../hub/environment.js'
import { coreDType } from '../safetensors/dtype.js'
import type { LocatedTensor } from '../safetensors/sharded.js'
import { refuseMissing, type SortedKeys, sortKeys } from './adapter-tensors.js'
import { replacedValues } from './base-tensors.js'

/** Options of loadAdapter. */
export interface LoadAdapterOptions extends HubOptions {
  /** The methods to choose from, by `peft_type`. */
  readonly tuners: readonly Tuner[]
  /** Name in the model. Default `default`. */
  readonly adapterName?: string
  /** Folder inside the source: where an adapter of another name lies. */
  readonly subfolder?: string
  /** Whether its tensors train. Default false, as PEFT: it is loaded to be used. */
  readonly isTrainable?: boolean
  /** Refuses a file that lacks tensors of the configuration, instead of warning as PEFT does. Default false. */
  readonly strict?: boolean
}

/** A model with the adapter that was loaded, and what a person should know of it. */
export interface LoadedAdapter {
  readonly model: AdaptedModel
  readonly adapter: Adapter
  readonly warnings: readonly string[]
}

/**
 * Loads an adapter into a model; a base model gets its first adapter. A later adapter does not become active. When it throws, nothing has
 * changed: file.missing, adapter.config, adapter.tensors, plugin.unknown, model.pickle, config.*, target.*, safetensors.*, hub.*; training.diverged for
 * values that are not finite where they are to train.
 */
export async function loadAdapter(
  model: BaseModel | AdaptedModel,
  source: Source,
  options: LoadAdapterOptions,
): Promise<LoadedAdapter> {
  const { signal, onProgress, environment, subfolder, adapterName = 'default' } = options
  const { strict = false, isTrainable = false } = options
  const root = await openSource(source, { signal, onProgress, environment, subfolder, groups: ['adapter'] })
  const files = await readAdapter(subfolder === undefined ? root : root.folder(subfolder))
  try {
    const { description: folder } = root
    const where = { file: ADAPTER_CONFIG, folder }
    const weights = { file: ADAPTER_WEIGHTS, folder }
    const tuner = findTuner(files.values.peft_type, options.tuners, where)
    const { runtime_config: _, ...values } = files.values
    const configured = configureAdapter(tuner, values, where)
    const add = (target: AdaptedModel, tensors: ReadonlyMap<string, FileTensor>, ofBase: readonly string[]) =>
      asOfWeights(weights, () =>
        asOfFile(tuner, { values, where }, () =>
          target.addAdapter(adapterName, configured, {
            expected: tensors,
            isTrainable,
            metadata: { inferenceMode: !isTrainable },
            ofBase,
          }),
        ),
      )
    const first = 'addAdapter' in model ? model : new AdaptedModel(model)
    const { base } = first
    const tensors = asOfWeights(weights, () => tensorsOf(files, { tuner, base, adapterName }))
    asOfWeights(weights, () => requireLabels(base, files))
    let [target, adapter] = [first, add(first, tensors, [])]
    try {
      const place = { model: base.model, where: weights }
      const sorted = sortKeys(tensors, adapter, place)
      refuseMissing(sorted, adapter, { strict, where: weights })
      const replaced = await replacedValues(sorted, tensors, place)
      if (replaced.size > 0) {
        if (first === model) throw replacesShared(weights, [...replaced.keys()])
        target = new AdaptedModel({ ...base, model: withValues(base.model, replaced) })
        adapter = add(target, tensors, [...sorted.ofBase.keys()])
      }
      const found = await readValues(tensors, sorted.values, signal)
      asOfWeights(weights, () => adapter.setValues(found, { partial: true }))
      const broken = notFinite(found)
      if (isTrainable && broken.length > 0) throw startsBroken(weights, broken)
      return {
        model: target,
        adapter,
        warnings: [
          ...adapter.warnings,
          ...placeWarnings(sorted),
          ...wrapperWarnings(files),
          ...brokenWarnings(weights, broken),
          ...(isTrainable ? await unreadStates(subfolder === undefined ? root : root.folder(subfolder), folder) : []),
        ],
      }
    } catch (error) {
      first.deleteAdapter(adapterName)
      throw error
    }
  } finally {
    await files.close()
  }
}

// Of transformers' Trainer, and of a run here.
const STATES = ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'training_state.safetensors']

/** What an adapter that trains on leaves unread beside it. */
async function unreadStates(files: ModelFiles, folder: string): Promise<readonly string[]> {
  const found = await Promise.all(STATES.map(async (name) => ((await files.exists(name)) ? [name] : [])))
  const names = found.flat()
  if (names.length === 0) return []
  const own = names.includes('training_state.safetensors')
  return [
    `${folder} is a checkpoint, and only its adapter is taken: the optimizer and the schedule start anew, and ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not read${own ? '; resume from it to go on where it stopped' : ''}`,
  ]
}

/** Does what takes tensors of an adapter's file. Throws adapter.tensors with the file. */
function asOfWeights<T>(where: Readonly<Record<string, string>>, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!EspalierError.isInstance(error) || error.code !== 'adapter.tensors') throw error
    const { code, what, details, fix } = error
    throw new EspalierError(code, {
      what,
      got: { ...where, ...details },
      ...(fix === undefined ? {} : { fix }),
      cause: error,
    })
  }
}

// What adding the adapter would say of shapes alone.
function requireLabels({ model }: BaseModel, files: AdapterFiles): void {
  const saved = savedLabels(files)
  const [labels] = (saved && namedParameters(model).get(saved.tensor)?.shape) ?? []
  if (saved === undefined || labels === undefined || labels === saved.count) return
  throw new EspalierError('adapter.tensors', {
    what: 'the head that the adapter keeps has another number of labels than the model',
    got: { tensor: saved.tensor, adapter: saved.count, model: labels },
    fix: `Load the model with { labels: ${saved.count} }, or both with an AutoPeftModel class, which takes the number from the adapter`,
  })
}

function findTuner(peftType: unknown, tuners: readonly Tuner[], where: Readonly<Record<string, string>>): Tuner {
  const tuner = tuners.find(({ kind }) => kind.toUpperCase() === peftType)
  if (tuner !== undefined) return tuner
  throw new EspalierError('plugin.unknown', {
    what: 'no tuner has this peft_type',
    got: { ...where, peft_type: peftType, known: tuners.map(({ kind }) => kind.toUpperCase()) },
    fix: 'Pass the tuner that has it, or correct peft_type in adapter_config.json.',
  })
}

interface TensorsRequest {
  readonly tuner: Tuner
  readonly base: BaseModel
  readonly adapterName: string
}

/** What the file holds, with today's names of layers, and without the adapter's own. Throws adapter.tensors, and adapter.key for one tensor under two names. */
function tensorsOf(
  files: AdapterFiles,
  { tuner, base: { model, modelType }, adapterName }: TensorsRequest,
): ReadonlyMap<string, FileTensor> {
  const paths = new Set(parameterUses(model).map(({ path }) => path))
  const named = withoutAdapterName(files.tensors, adapterName, (key) => paths.has(key))
  const tensors = new Map<string, FileTensor>()
  for (const [key, tensor] of named) tensors.set(key, { shape: tensor.shape, read: () => hostTensorOf(tensor) })
  return (tuner.family === 'layer' && tuner.fromOlderFile?.(tensors, modelType)) || tensors
}

async function readValues(
  tensors: ReadonlyMap<string, FileTensor>,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, HostTensor>> {
  const values = new Map<string, HostTensor>()
  for (const key of keys) {
    signal?.throwIfAborted()
    values.set(key, await (tensors.get(key) as FileTensor).read())
  }
  return values
}

function placeWarnings({ missing, spare }: SortedKeys): string[] {
  return [
    ...(missing.length === 0 ? [] : [`the adapter file lacks ${named(missing)}; they keep their initial values`]),
    ...(spare.length === 0 ? [] : [`the model has no place for ${named(spare)} of the adapter file`]),
  ]
}

// PEFT finds no place for them, and would go on without.
function wrapperWarnings({ wrapped }: AdapterFiles): string[] {
  return wrapped.length === 0
    ? []
    : [
        `the names of ${named(wrapped)} hold _orig_mod or module, which compiled and parallel models leave there; they are read without it, and PEFT would leave these tensors out`,
      ]
}

function replacesShared(where: Readonly<Record<string, string>>, parameters: readonly string[]): EspalierError {
  return new EspalierError('adapter.tensors', {
    what: 'the adapter file holds other values for tensors of the base model, which the model’s other adapters need as they are',
    got: { ...where, parameters },
    fix: 'Load this adapter first, or into a base of its own.',
  })
}

/** Names of tensors with a value that is no number or infinite. */
function notFinite(values: ReadonlyMap<string, HostTensor>): string[] {
  return [...values].flatMap(([name, tensor]) =>
    isFloat(tensor.dtype) && !toFloat32(tensor).every((value) => Number.isFinite(value)) ? [name] : [],
  )
}

function startsBroken(where: Readonly<Record<string, string>>, tensors: readonly string[]): EspalierError {
  return new EspalierError('training.diverged', {
    what: 'the adapter’s values are not finite numbers',
    got: { ...where, tensors },
    fix: 'Go on from an earlier checkpoint: no learning rate mends these',
  })
}

function brokenWarnings({ file = '', folder = '' }: Readonly<Record<string, string>>, tensors: readonly string[]) {
  return tensors.length === 0 ? [] : [`values of ${named(tensors)} of ${file} in ${folder} are not finite numbers`]
}

const SHOWN = 5 // names in a warning

function named(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(', ')
  return `${names.length} tensor${names.length === 1 ? '' : 's'} (${shown}${names.length > SHOWN ? ', ...' : ''})`
}

async function hostTensorOf(tensor: LocatedTensor): Promise<HostTensor> {
  const dtype = coreDType(tensor.dtype)
  if (dtype !== undefined) return hostTensorFromBytes(dtype, tensor.shape, await tensor.read())
  throw new EspalierError('safetensors.dtype', {
    what: 'an adapter’s tensor is stored in a dtype that cannot be computed with',
    got: { file: tensor.from.file.name, tensor: tensor.name, dtype: tensor.dtype },
    fix: 'Save the adapter in float32, float16 or bfloat16.',
  })
}
