/** Adapters loaded with their base, which is found through the adapter's configuration: PEFT's AutoPeftModel classes. */
import { EspalierError, type TaskType } from '@espalier/core'
import { parseHubReference, readSavedLabels, type SavedLabels, type Source, taskOfClass } from '@espalier/serialization'
import { type LoadAdapterIntoOptions, PeftModel } from '../model/peft-model.js'
import { type FromPretrainedOptions, loadPretrained } from './auto-model.js'
import { checkAutoPeftOptions } from './known-load-options.js'
import { PeftConfig } from './peft-config.js'

/** Options of `fromPretrained`: those of the base and of the adapter. */
export interface AutoPeftOptions
  extends FromPretrainedOptions,
    Pick<LoadAdapterIntoOptions, 'adapterName' | 'tuners' | 'subfolder' | 'isTrainable'> {
  /** Where the base is, when not where the adapter's configuration says. */
  readonly base?: Source
}

/** A class that loads adapters with their bases. */
export interface AutoPeftClass {
  /** Loads an adapter and its base, which closes with it. The labels of a classifier, and their problemType where the adapter's file says it, are those of the head that the adapter keeps, unless they are given. Throws adapter.*, and what loading either throws. */
  fromPretrained(source: Source, options?: AutoPeftOptions): Promise<PeftModel>
}

/** Adapters of models that predict the next token. */
export const AutoPeftModelForCausalLM: AutoPeftClass = autoPeftClass('CAUSAL_LM')
/** Adapters of models that read one text and write another. */
export const AutoPeftModelForSeq2SeqLM: AutoPeftClass = autoPeftClass('SEQ_2_SEQ_LM')
/** Adapters of models that fill in masked tokens, for which PEFT has no class of this kind: it has `AutoPeftModel` find them. */
export const AutoPeftModelForMaskedLM: AutoPeftClass = autoPeftClass('MASKED_LM')
/** Adapters of models with one label per text. */
export const AutoPeftModelForSequenceClassification: AutoPeftClass = autoPeftClass('SEQ_CLS')
/** Adapters of models with one label per token. */
export const AutoPeftModelForTokenClassification: AutoPeftClass = autoPeftClass('TOKEN_CLS')
/** Adapters of models that find an answer's start and end. */
export const AutoPeftModelForQuestionAnswering: AutoPeftClass = autoPeftClass('QUESTION_ANS')
/** Adapters of models without a head. */
export const AutoPeftModelForFeatureExtraction: AutoPeftClass = autoPeftClass('FEATURE_EXTRACTION')
/** Adapters of the task that their configuration names, or of the model's class that it names instead. */
export const AutoPeftModel: AutoPeftClass = autoPeftClass(undefined)

const tasks: readonly TaskType[] = [
  'CAUSAL_LM',
  'SEQ_2_SEQ_LM',
  'SEQ_CLS',
  'TOKEN_CLS',
  'QUESTION_ANS',
  'FEATURE_EXTRACTION',
]

function autoPeftClass(task: TaskType | undefined): AutoPeftClass {
  return {
    async fromPretrained(source, options = {}) {
      checkAutoPeftOptions(options)
      return loadPeft(source, task, options)
    },
  }
}

/** Loads an adapter with its base for a task; without one, for what the adapter, or else the base's checkpoint, was saved from. strict: whether tensors that the adapter lacks, or has besides, are refused. */
export async function loadPeft(
  source: Source,
  task: TaskType | undefined,
  {
    base: given,
    adapterName,
    tuners,
    subfolder,
    isTrainable,
    strict,
    ...rest
  }: AutoPeftOptions & Pick<LoadAdapterIntoOptions, 'strict'> = {},
): Promise<PeftModel> {
  const { signal, environment } = rest
  const place = subfolder === undefined ? {} : { subfolder }
  const config = await PeftConfig.fromPretrained(source, { signal, environment, ...place })
  const headTask = task ?? namedTask(config)
  const labels = await labelsOf(headTask, rest, () => readSavedLabels(source, { signal, environment, ...place }))
  const base = await loadPretrained(given ?? baseOf(config), headTask, { ...rest, ...labels })
  try {
    return await PeftModel.fromPretrained(base, source, {
      signal,
      environment,
      onProgress: rest.onProgress,
      ...place,
      ...(adapterName === undefined ? {} : { adapterName }),
      ...(tuners === undefined ? {} : { tuners }),
      ...(isTrainable === undefined ? {} : { isTrainable }),
      ...(strict === undefined ? {} : { strict }),
      ownsBase: true,
    })
  } catch (error) {
    await base.close()
    throw error
  }
}

/** The task that an adapter's configuration names, or the class that it names instead is for. Throws what reading it throws. */
export async function adapterTask(
  source: Source,
  options: Pick<FromPretrainedOptions, 'signal' | 'environment'>,
): Promise<TaskType | undefined> {
  return namedTask(await PeftConfig.fromPretrained(source, options))
}

function namedTask(config: PeftConfig): TaskType | undefined {
  return tasks.find((known) => known === config.taskType) ?? taskOfMapping(config)
}

// Of a task that PEFT has no name for the class of the base is written.
function taskOfMapping({ taskType, autoMapping }: PeftConfig): TaskType | undefined {
  if (taskType != null || typeof autoMapping !== 'object' || autoMapping === null) return undefined
  const { base_model_class: name } = autoMapping as Readonly<Record<string, unknown>>
  return typeof name === 'string' ? taskOfClass(name) : undefined
}

/** Labels for the base, and what they are: what the head that the adapter keeps has, unless they are given. */
async function labelsOf(
  task: TaskType | undefined,
  { labels, problemType }: Pick<AutoPeftOptions, 'labels' | 'problemType'>,
  read: () => Promise<SavedLabels | undefined>,
): Promise<Pick<AutoPeftOptions, 'labels' | 'problemType'>> {
  if (task !== 'SEQ_CLS' && task !== 'TOKEN_CLS') return {}
  const saved = await read()
  const [named, kind] = [labels ?? saved?.names ?? saved?.count, problemType ?? saved?.problemType ?? undefined]
  return {
    ...(named === undefined ? {} : { labels: named }),
    ...(kind === undefined || task !== 'SEQ_CLS' ? {} : { problemType: kind }),
  }
}

/** The base at the commit that the adapter was trained on. Folders have no commits. */
function baseOf({ baseModelNameOrPath, revision }: PeftConfig): string {
  if (baseModelNameOrPath === null)
    throw new EspalierError('adapter.config', {
      what: 'the adapter does not say which base model it belongs to',
      got: { file: 'adapter_config.json', base_model_name_or_path: null },
      fix: 'Pass the base, or load it and use PeftModel.fromPretrained',
    })
  const isRepository = revision !== null && parseHubReference(baseModelNameOrPath) !== undefined
  return isRepository ? `${baseModelNameOrPath}@${revision}` : baseModelNameOrPath
}
