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
  /** The task of the head, by where the model is. Default: that of `--task-type`. */
  readonly taskOf?: (model: string) => Promise<TaskType>
  /** The head of a model without an adapter, by where it is. Default: that of the task, else of its checkpoint. */
  readonly headOf?: (model: string) => Promise<HeadToTrain>
  /** Of a new head. */
  readonly seed?: number
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
  const asked = async (base: string) => options.taskOf?.(base) ?? (values.text('task-type') as TaskType | undefined)
  const headOf = options.headOf ?? (async (base): Promise<HeadToTrain> => ({ task: await asked(base) }))
  const model = await opened<PretrainedModel | PeftModel>(values, progress, options, async (base, given) => {
    const all = { ...given, ...defined({ signal, seed }) }
    if (adapter !== undefined) return loadPeft(adapter, await asked(base), { ...all, base, strict: true, isTrainable })
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

/** A model to write with: with the head of its adapter, else one that writes; and `--adapter`, when there is one. */
export async function loadToWrite(
  values: Values,
  progress: Progress,
  signal?: AbortSignal,
  options: Pick<LoadOptions, 'computes'> = {},
): Promise<PretrainedModel | PeftModel> {
  const { readCheckpoint, writingTask } = await import('../auto/read-checkpoint.js')
  const { adapterTask } = await import('../auto/auto-peft-model.js')
  const adapter = values.text('adapter')
  return loadWithHead(values, progress, signal, {
    ...options,
    taskOf: async (model) => {
      const saved = await readCheckpoint(model, defined({ signal }))
      if (saved === undefined) return 'CAUSAL_LM'
      const { task, architecture } = saved
      const named = adapter === undefined ? undefined : await adapterTask(adapter, defined({ signal }))
      if (named !== undefined && architecture.tasks.includes(named)) return named
      return task === 'SEQ_2_SEQ_LM' || task === 'CAUSAL_LM' ? task : (writingTask(architecture) ?? 'CAUSAL_LM')
    },
  })
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
