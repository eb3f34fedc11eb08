/** Pretrained models by task: transformers' Auto classes. */
import type { Architecture, Backend, Quantizer, TaskType } from '@espalier/core'
import { type BitsAndBytesConfig, bitsandbytes } from '@espalier/quantization'
import { type HubOptions, loadModel, type ProblemType, type Source } from '@espalier/serialization'
import { computeDType, type ModelDType } from '../model/compute-dtype.js'
import { defaultBackend, slownessOf } from '../model/default-backend.js'
import type { OnLoadProgress } from '../model/load-progress.js'
import { PretrainedModel } from '../model/pretrained-model.js'
import { settle } from '../platform/settle/node.js'
import { knownArchitectures } from './architectures.js'
import { AutoTokenizer } from './auto-tokenizer.js'
import { ggufSource } from './gguf-source.js'
import { checkModelOptions } from './known-load-options.js'

/** Options of `fromPretrained`. */
export interface FromPretrainedOptions extends Omit<HubOptions, 'onProgress'> {
  /** Is told of downloads, and later of weights on their way to the backend. */
  readonly onProgress?: OnLoadProgress
  /** Where the model runs. Default: the best backend that is installed. Closed with the last model that uses it. */
  readonly backend?: Backend
  /** More architectures than the known ones, or other ones of the same model_type; they come first. */
  readonly architectures?: readonly Architecture[]
  /** Packs the linear layers of a checkpoint of floats as they are read: transformers' BitsAndBytesConfig. A checkpoint that is packed already is read as it says itself. */
  readonly quantizationConfig?: BitsAndBytesConfig
  /** Short for `quantizationConfig: { loadIn4bit: true }`, which packs to FP4 as in transformers. Default false. */
  readonly loadIn4bit?: boolean
  /** Short for `quantizationConfig: { loadIn8bit: true }`. Default false. */
  readonly loadIn8bit?: boolean
  /** What reads quantized checkpoints of other methods than bitsandbytes, or packs the weights of others as they are read; they come first. */
  readonly quantizers?: readonly Quantizer[]
  /** Where the tokenizer is, when not beside the model. */
  readonly tokenizer?: Source
  /** Labels of a classification head, by name or number. */
  readonly labels?: readonly string[] | number
  /** What the labels of a head for whole texts are: numbers to learn, one label of several, or labels that may hold at once. Default: what config.json says, or follows from the rows. */
  readonly problemType?: ProblemType
  /** Seed of a head that the checkpoint does not have. */
  readonly seed?: number
  /** What the model computes in, however its files store it; the backend must compute in it. Default float32. */
  readonly dtype?: ModelDType
}

/** A class that loads models for one task. */
export interface AutoClass {
  /** Loads a model from a hub id, folder, GGUF file or other source. Throws file.missing, model.*, plugin.unknown, safetensors.*, hub.*, or the signal's reason. */
  fromPretrained(source: Source, options?: FromPretrainedOptions): Promise<PretrainedModel>
}

/** Models that predict the next token. */
export const AutoModelForCausalLM: AutoClass = autoClass('CAUSAL_LM')
/** Models that read one text and write another. */
export const AutoModelForSeq2SeqLM: AutoClass = autoClass('SEQ_2_SEQ_LM')
/** Models that fill in masked tokens. */
export const AutoModelForMaskedLM: AutoClass = autoClass('MASKED_LM')
/** Models with one label per text: `predict` gives it, `logits` what it is made of. */
export const AutoModelForSequenceClassification: AutoClass = autoClass('SEQ_CLS')
/** Models with one label per token. */
export const AutoModelForTokenClassification: AutoClass = autoClass('TOKEN_CLS')
/** Models that find an answer's start and end. */
export const AutoModelForQuestionAnswering: AutoClass = autoClass('QUESTION_ANS')
/** Models without a head. */
export const AutoModel: AutoClass = autoClass('FEATURE_EXTRACTION')

/** Loads a model for a task; without one, for what its checkpoint was saved from. */
export async function loadPretrained(
  source: Source,
  task: TaskType | undefined,
  options: FromPretrainedOptions = {},
): Promise<PretrainedModel> {
  const { backend, tokenizer, architectures = [], quantizers = [], labels, problemType, seed, dtype, ...rest } = options
  const { quantizationConfig, loadIn4bit, loadIn8bit, ...hub } = rest
  const quantizer = bitsandbytes({
    ...(loadIn4bit && { loadIn4bit }),
    ...(loadIn8bit && { loadIn8bit }),
    ...quantizationConfig,
  })
  const gguf = await ggufSource(source)
  const from = gguf?.files ?? source
  await settle(from, hub)
  const loaded = await loadModel(from, {
    ...hub,
    architectures: [...architectures, ...(await knownArchitectures())],
    quantizers: [...quantizers, ...(gguf === undefined ? [] : [gguf.quantizer]), quantizer],
    task,
    labels,
    problemType,
    seed,
    dtype: computeDType(dtype),
  })
  try {
    const given = tokenizer === undefined ? undefined : AutoTokenizer.fromPretrained(tokenizer, hub)
    given?.catch(() => {})
    const chosen = backend ?? (await defaultBackend())
    const slowness = backend === undefined ? await slownessOf(chosen) : undefined
    const warnings = slowness === undefined ? loaded.warnings : [...loaded.warnings, slowness]
    const { nameOrPath } = gguf ?? loaded
    return new PretrainedModel({ ...loaded, nameOrPath, warnings }, chosen, {
      tokenizer: given && (() => given),
      onProgress: options.onProgress,
    })
  } catch (error) {
    await loaded.close()
    throw error
  }
}

function autoClass(task: TaskType): AutoClass {
  return {
    async fromPretrained(source, options = {}) {
      checkModelOptions(options)
      return loadPretrained(source, task, options)
    },
  }
}
