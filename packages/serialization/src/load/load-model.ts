/** A model folder, from wherever it is, as a module tree whose parameters know where their bytes are. Nothing of the weights is read here. */
import {
  type Architecture,
  type Backend,
  type BaseModel,
  type ComputeDType,
  EspalierError,
  ParameterScope,
  type Quantizer,
  type TaskType,
  unsupportedTask,
  type WeightFactory,
} from '@espalier/core'
import type { ModelFiles } from '../files/model-files.js'
import { openSource, type Source } from '../files/open-source.js'
import { architectureFor } from '../hf-config/architecture-for.js'
import { type HfConfig, readGenerationConfig, readModelConfig } from '../hf-config/model-config.js'
import { quantizationOf } from '../hf-config/quantization.js'
import type { HubOptions } from '../hub/environment.js'
import { openWeights } from '../safetensors/sharded.js'
import { checkConfig, initialWarnings, unusedWarnings } from './check-config.js'
import { floatLinears, leftInFloats } from './left-in-floats.js'
import { originOf } from './origin.js'
import { ownHead } from './own-head.js'
import { checkpointLookup } from './parameter-sources.js'
import { type ProblemType, withProblemType } from './problem-type.js'
import { chooseQuantizer, refuseUnnamed, withStored } from './quantized.js'
import { savedTask } from './saved-task.js'
import { tokenIdWarnings } from './token-ids.js'

/** Options of loadModel. */
export interface LoadModelOptions extends HubOptions {
  /** The families to choose from, by config.json's model_type. */
  readonly architectures: readonly Architecture[]
  /** What reads quantized checkpoints, by config.json's quant_method, or packs floats as they are read. Default: floats only. */
  readonly quantizers?: readonly Quantizer[]
  /** Kept in the result for whoever runs the model. */
  readonly backend?: Backend
  /** What the model is for; what its checkpoint was saved from when left out. */
  readonly task?: TaskType
  /** Labels of a classification head, by name or by number; the configuration's when left out, and its names where the number is the same. */
  readonly labels?: readonly string[] | number
  /** What the labels of a head for whole texts are; the configuration's when left out. */
  readonly problemType?: ProblemType | undefined
  /** Seed of a head that the checkpoint does not have. Default 0. */
  readonly seed?: number
  /** What the model computes in, however its files store it; the backend must list it. Default f32. */
  readonly dtype?: ComputeDType
}

/** A loaded model: the tree, its configuration, and the files that it came from. */
export interface LoadedModel extends BaseModel {
  readonly backend?: Backend
  /** What the model computes in. */
  readonly dtype: ComputeDType
  readonly architecture: Architecture
  readonly hfConfig: HfConfig
  /** generation_config.json, or what config.json says of generation. */
  readonly generationConfig: Readonly<Record<string, unknown>>
  /** The folder: tokenizer files are read from here. */
  readonly files: ModelFiles
  /** Names of the labels of a classification head. */
  readonly labels: readonly string[] | null
  /** Parameters that the checkpoint did not have and that start at initial values: a new head. */
  readonly initialized: readonly string[]
  /** Tensors of the checkpoint that the model has no use for. */
  readonly unused: readonly string[]
  /** What a person should know: tensors that nothing uses, parameters that start anew. */
  readonly warnings: readonly string[]
  /** Lets go of the files. */
  close(): Promise<void>
}

/** Loads a model. Throws file.missing, also for an adapter without its base; config.* for a problemType that is none or another head's; model.config, model.code, model.pickle, model.parameters, model.quantized, plugin.unknown, safetensors.*, hub.*, or the signal's reason. */
export async function loadModel(source: Source, options: LoadModelOptions): Promise<LoadedModel> {
  const { signal, onProgress, environment, architectures } = options
  const files = await openSource(source, {
    signal,
    onProgress,
    environment,
    groups: ['config', 'tokenizer', 'weights'],
  })
  await refuseAdapter(files, options.task)
  const knownTypes = architectures.map((architecture) => architecture.modelType)
  const hfConfig = await readModelConfig(files, { knownTypes })
  const architecture = architectureFor(hfConfig.modelType, architectures, files.description)
  const task = options.task ?? savedTask(hfConfig, architecture, files.description)
  if (!architecture.tasks.includes(task)) throw unsupportedTask(architecture, task)
  const quantized = chooseQuantizer(hfConfig.values, options.quantizers ?? [], files.description)
  const labels = labelsOf(options.labels, hfConfig.labels)
  const labelled = labels === null ? hfConfig.values : withLabels(hfConfig.values, labels)
  const said = withProblemType(labelled, options.problemType, task)
  const generationConfig = await readGenerationConfig(files, hfConfig)
  const hasGenerationConfig = await files.exists('generation_config.json')
  signal?.throwIfAborted()
  const weights = await openWeights(files)
  try {
    refuseUnnamed(hfConfig.values, weights, files.description)
    checkConfig(hfConfig.values, weights.tensors)
    const checkpoint = checkpointLookup(weights.tensors, architecture, task, options.seed ?? 0)
    const { lookup, initialized, unused, below } = checkpoint
    const { dtype = 'f32' } = options
    const build = (config: HfConfig['values'], weightOf?: WeightFactory) => {
      const scope = new ParameterScope(lookup, { ...(weightOf && { weightOf }), dtype })
      const built = architecture.build(config, scope, task)
      scope.check()
      return built
    }
    const packs = quantized !== undefined && quantizationOf(hfConfig.values) === null
    const left = packs ? leftInFloats(build(said), architecture) : undefined
    const weightOf = quantized && (await withStored(quantized, weights, below, left))
    const tied = build(said, weightOf)
    const head = await ownHead(tied, checkpoint.find)
    const config = { ...said, ...head?.config }
    const model = head === undefined ? tied : build(config, weightOf)
    const packedConfig = packs ? quantized.quantizer.fileConfig?.(floatLinears(model)) : undefined
    const size = model.sizes.vocabularySize
    const idWarnings = [
      ...tokenIdWarnings('config.json', hfConfig.values, size),
      ...(hasGenerationConfig ? tokenIdWarnings('generation_config.json', generationConfig, size) : []),
    ]
    return {
      model,
      modelType: architecture.modelType,
      config: packedConfig === undefined ? config : { ...config, quantization_config: packedConfig },
      defaultTargets: architecture.defaultTargets,
      ...originOf(source, files),
      backend: options.backend,
      dtype,
      architecture,
      hfConfig,
      generationConfig,
      files,
      labels,
      initialized,
      unused: unused(),
      warnings: [
        ...unusedWarnings(unused()),
        ...(head === undefined ? [] : [head.warning]),
        ...initialWarnings(initialized),
        ...idWarnings,
      ],
      close: () => weights.close(),
    }
  } catch (error) {
    await weights.close()
    throw error
  }
}

function labelsOf(
  labels: readonly string[] | number | undefined,
  named: readonly string[] | null,
): readonly string[] | null {
  if (labels === undefined || labels === named?.length) return named
  return typeof labels === 'number' ? Array.from({ length: labels }, (_, i) => `LABEL_${i}`) : labels
}

function withLabels(
  values: Readonly<Record<string, unknown>>,
  labels: readonly string[],
): Readonly<Record<string, unknown>> {
  const id2label = Object.fromEntries(labels.map((label, i) => [i, label]))
  const label2id = Object.fromEntries(labels.map((label, i) => [label, i]))
  return { ...values, num_labels: labels.length, id2label, label2id }
}

/** Throws file.missing for the folder of an adapter. */
async function refuseAdapter(files: ModelFiles, task: TaskType | undefined): Promise<void> {
  if ((await files.exists('config.json')) || !(await files.exists('adapter_config.json'))) return
  throw new EspalierError('file.missing', {
    what: 'this is an adapter, and no model',
    got: { file: 'config.json', folder: files.description },
    fix: `Load it with ${adapterClass(task)}, which finds its base`,
  })
}

function adapterClass(task: TaskType | undefined): string {
  switch (task) {
    case undefined:
      return 'AutoPeftModel'
    case 'CAUSAL_LM':
      return 'AutoPeftModelForCausalLM'
    case 'SEQ_2_SEQ_LM':
      return 'AutoPeftModelForSeq2SeqLM'
    case 'MASKED_LM':
      return 'AutoPeftModelForMaskedLM'
    case 'SEQ_CLS':
      return 'AutoPeftModelForSequenceClassification'
    case 'TOKEN_CLS':
      return 'AutoPeftModelForTokenClassification'
    case 'QUESTION_ANS':
      return 'AutoPeftModelForQuestionAnswering'
    case 'FEATURE_EXTRACTION':
      return 'AutoPeftModelForFeatureExtraction'
  }
}
