/** Loading what commands run: the model, its tokenizer and an adapter, with progress. */
import { stat } from 'node:fs/promises'
import { defaultCacheFolder } from '@espalier/backend-onnx'
import type { TaskType } from '@espalier/core'
import type { FromPretrainedOptions } from '../auto/auto-model.js'
import type { HeadToTrain } from '../auto/head-to-train.js'
import type { BackendName } from '../model/default-backend.js'
import type { OnLoadProgress } from '../model/load-progress.js'
import type { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { UsageError } from './failure.js'
import { quantizationOf } from './quantization-config.js'
import { bytes, type Progress } from './terminal.js'
import { defined, type Values } from './values.js'

/** What is done with a model. */
export interface LoadOptions {
  /** Whether something runs on it, which takes a backend. Default true. */
  readonly computes?: boolean
  /** Whether the adapter goes on training. Default false. */
  readonly isTrainable?: boolean
  /** The head of a model without an adapter, by where it is. Default: that of `--task-type`, else of its checkpoint. */
  readonly headOf?: (model: string) => Promise<HeadToTrain>
  /** Of a new head. */
  readonly seed?: number
}

/** What `--model` and its companions name, as a model that writes. Throws what loading throws. */
export async function loadBase(
  values: Values,
  progress: Progress,
  signal?: AbortSignal,
  options: LoadOptions = {},
): Promise<PretrainedModel> {
  const { loadPretrained } = await import('../auto/auto-model.js')
  const { readCheckpoint } = await import('../auto/read-checkpoint.js')
  return opened(values, progress, options, async (model, given) => {
    const saved = await readCheckpoint(model, defined({ signal }))
    const task = saved?.task === 'SEQ_2_SEQ_LM' ? saved.task : 'CAUSAL_LM'
    return loadPretrained(model, task, { ...given, ...defined({ signal }) })
  })
}

/** The model with the head of `--task-type`, else of its adapter, else of its checkpoint; and `--adapter`, when there is one. */
export async function loadWithHead(
  values: Values,
  progress: Progress,
  signal?: AbortSignal,
  options: LoadOptions = {},
): Promise<PretrainedModel | PeftModel> {
  const { loadPretrained } = await import('../auto/auto-model.js')
  const { loadPeft } = await import('../auto/auto-peft-model.js')
  const adapter = values.text('adapter')
  const { seed, isTrainable = false } = options
  const asked = values.text('task-type') as TaskType | undefined
  const headOf = options.headOf ?? (async (): Promise<HeadToTrain> => ({ task: asked }))
  const model = await opened<PretrainedModel | PeftModel>(values, progress, options, async (base, given) => {
    const all = { ...given, ...defined({ signal, seed }) }
    if (adapter !== undefined) return loadPeft(adapter, asked, { ...all, base, strict: true, isTrainable })
    const { task, labels, problemType } = await headOf(base)
    return loadPretrained(base, task, { ...all, ...defined({ labels, problemType }) })
  })
  for (const warning of 'warnings' in model ? model.warnings : []) progress.warning(warning)
  if (adapter !== undefined) await tellDifferences(adapter, model, progress)
  return model
}

// A backend, and a model on it, by whichever way of loading.
async function opened<M extends PretrainedModel | PeftModel>(
  values: Values,
  progress: Progress,
  { computes = true }: LoadOptions,
  load: (model: string, options: FromPretrainedOptions) => Promise<M>,
): Promise<M> {
  const { namedBackend } = await import('../index.js')
  const { slownessOf } = await import('../model/default-backend.js')
  const [name, threads, revision, tokenizer] = [
    values.text('backend') as BackendName | undefined,
    values.number('threads'),
    values.text('model-revision'),
    values.text('tokenizer'),
  ]
  const quantizationConfig = quantizationOf(values)
  const model = await baseName(values)
  if (values.text('model') === undefined) progress.line(`model: ${model}, which the adapter was trained on`)
  const isFolder = await stat(model).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
  if (revision !== undefined && isFolder) progress.line('note: --model-revision has no effect: the model is a folder')
  const backend = await namedBackend(
    computes ? (name ?? 'onnx') : 'reference',
    threads === undefined ? {} : { threads },
  )
  if (computes) progress.line(`backend: ${backend.name}`)
  const slowness = await slownessOf(backend)
  if (slowness !== undefined) progress.warning(slowness)
  progress.update(`loading ${model}`)
  try {
    const base = await load(
      revision === undefined || isFolder || model.includes('@') ? model : `${model}@${revision}`,
      {
        backend,
        onProgress: loadProgress(progress),
        ...(tokenizer === undefined ? {} : { tokenizer }),
        ...(quantizationConfig && { quantizationConfig }),
      },
    )
    const { loadedWarnings } = await import('../model/loaded-warnings.js')
    for (const warning of [...loadedWarnings(base), ...(await tokenizerNotes(base))]) progress.warning(warning)
    return base
  } catch (error) {
    // Nobody owns it yet, and its worker would keep the process alive.
    await backend.close()
    throw error
  }
}

/** Says where a model or its tokenizer is not what the adapter was trained with. */
async function tellDifferences(adapter: string, model: PretrainedModel | PeftModel, progress: Progress): Promise<void> {
  const { differencesFromTraining } = await import('../run-folder/trained-on.js')
  for (const difference of await differencesFromTraining(adapter, model)) progress.warning(difference)
}

/** What a model's tokenizer has to say; who needs one that cannot be read is told then. */
function tokenizerNotes(model: PretrainedModel | PeftModel): Promise<readonly string[]> {
  return model.tokenizer().then(
    ({ notes }) => notes,
    () => [],
  )
}

/** `--model`, or what the adapter says that it was trained on. Throws UsageError, and what reading the adapter's configuration throws. */
export async function baseName(values: Values): Promise<string> {
  const [model, adapter] = [values.text('model'), values.text('adapter')]
  if (model !== undefined) return model
  if (adapter === undefined) return values.needed('model')
  const { PeftConfig } = await import('../index.js')
  const { baseModelNameOrPath } = await PeftConfig.fromPretrained(adapter)
  if (baseModelNameOrPath === null)
    throw new UsageError('--model is missing', `${adapter} does not say which model it was trained on`)
  return baseModelNameOrPath
}

/** The base with `--adapter`, when there is one. */
export async function loadWithAdapter(
  values: Values,
  progress: Progress,
  signal?: AbortSignal,
  options: LoadOptions = {},
): Promise<PretrainedModel | PeftModel> {
  const base = await loadBase(values, progress, signal, options)
  const adapter = values.text('adapter')
  if (adapter === undefined) return base
  const { PeftModel } = await import('../index.js')
  try {
    const model = await PeftModel.fromPretrained(base, adapter, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: loadProgress(progress),
      ownsBase: true,
      strict: true,
      isTrainable: options.isTrainable === true,
    })
    for (const warning of model.warnings) progress.warning(warning)
    await tellDifferences(adapter, model, progress)
    return model
  } catch (error) {
    await base.close()
    throw error
  }
}

/** Shows what is being downloaded or widened; the run that fills the cache of widened weights says where that is. */
export function loadProgress(progress: Progress): OnLoadProgress {
  let isTold = false
  return ({ phase, file, loadedBytes, totalBytes }) => {
    const total = totalBytes ?? 0
    if (file === 'widening weights' && !isTold) {
      isTold = true
      progress.line(
        `note: the weights in 32 bits are kept for next time in ${defaultCacheFolder()}; up to 20 GB, delete it whenever you like`,
      )
    }
    progress.update(
      `${file.includes(phase) ? file : `${phase} ${file}`}: ${bytes(loadedBytes)}${total > 0 ? ` of ${bytes(total)}` : ''}`,
    )
  }
}
