/**
 * config.json and generation_config.json of a Hugging Face model. Both layouts of transformers (4 and 5) are given in that of 5; which
 * keys a model needs beyond those here is its architecture's.
 */
import { EspalierError } from '@espalier/core'
import { refuseGguf } from '../files/gguf.js'
import { type ModelFiles, readJson } from '../files/model-files.js'
import { ConfigReader, isRecord } from './config-reader.js'
import { generationKeys } from './generation-keys.js'
import { nearestModelType } from './nearest-model-type.js'

/** A model's configuration. */
export interface HfConfig {
  readonly modelType: string
  /** Classes of transformers that the weights were saved from: `LlamaForCausalLM`. */
  readonly architectures: readonly string[]
  /** Names of the labels in order; null when the file names none. */
  readonly labels: readonly string[] | null
  /** Everything in the file, with `rope_parameters`, `dtype`, `num_labels` and `id2label` filled in from their older or shorter forms. */
  readonly values: Readonly<Record<string, unknown>>
  /** Typed reading of the values. */
  readonly read: ConfigReader
}

/** Options of reading. knownTypes: model types that need no code of the repository; others with such code are refused. */
export interface ModelConfigOptions {
  readonly knownTypes?: readonly string[]
}

/** Reads config.json. Throws file.missing, model.gguf, file.json, model.config, model.code. */
export async function readModelConfig(
  files: ModelFiles,
  { knownTypes = [] }: ModelConfigOptions = {},
): Promise<HfConfig> {
  const file = `${files.description}/config.json`
  if (!(await files.exists('config.json'))) await refuseGguf(files)
  const root = await readJson(files, 'config.json')
  if (!isRecord(root))
    throw new EspalierError('model.config', {
      what: 'config.json is not an object',
      got: { file },
      fix: 'Download it again.',
    })
  const raw = new ConfigReader(root, file)
  const modelType = raw.text('model_type')
  if (raw.has('auto_map') && !knownTypes.includes(modelType)) throw needsCode(raw, modelType, knownTypes)
  const labels = readLabels(raw)
  const values = Object.freeze({
    ...root,
    ...(hasOlderPositions(raw) ? { rope_parameters: ropeParameters(raw) } : {}),
    ...(raw.has('dtype') || !raw.has('torch_dtype') ? {} : { dtype: raw.text('torch_dtype') }),
    ...(labels === null
      ? {}
      : { num_labels: labels.length, id2label: Object.fromEntries(labels.map((label, i) => [i, label])) }),
  })
  return {
    modelType,
    architectures: raw.texts('architectures', []),
    labels,
    values,
    read: new ConfigReader(values, file),
  }
}

/** generation_config.json as plain data, or what config.json says of generation when there is none. Throws file.json, model.config. */
export async function readGenerationConfig(
  files: ModelFiles,
  config?: HfConfig,
): Promise<Readonly<Record<string, unknown>>> {
  if (await files.exists('generation_config.json')) {
    const root = await readJson(files, 'generation_config.json')
    if (isRecord(root)) return root
    const file = `${files.description}/generation_config.json`
    throw new EspalierError('model.config', {
      what: 'generation_config.json is not an object',
      got: { file },
      fix: 'Download it again.',
    })
  }
  return config === undefined ? {} : generationKeys(config.values)
}

// Of Gemma 3's, which are of two kinds, transformers reads the older keys, and fails where one kind stands beside them.
function hasOlderPositions(raw: ConfigReader): boolean {
  const isOlder = raw.has('rope_theta') || raw.has('rope_scaling')
  return isOlder && !raw.has('rope_parameters') && !raw.has('rope_local_base_freq')
}

// Families whose base of positions has another key, and this one is not read.
const OWN_NAMES: ReadonlySet<string> = new Set(['gpt_neox'])

// transformers 4: rope_theta beside rope_scaling, whose kind is `rope_type`, or `type` in the oldest files.
function ropeParameters(raw: ConfigReader): Readonly<Record<string, unknown>> {
  const { type, ...scaling } = raw.object('rope_scaling', {})
  const isRead = raw.has('rope_theta') && !OWN_NAMES.has(raw.text('model_type'))
  const theta = isRead ? { rope_theta: raw.number('rope_theta') } : {}
  return { rope_type: type ?? 'default', ...theta, ...scaling }
}

// Where num_labels is another number than that of the names, transformers goes by it, and the names are left.
function readLabels(raw: ConfigReader): readonly string[] | null {
  if (!raw.has('id2label')) {
    return raw.has('num_labels') ? numbered(labelCount(raw)) : null
  }
  const names = raw.object('id2label')
  const labels = Object.keys(names).map((_, i) => names[String(i)])
  if (labels.length > 0 && labels.every((label) => typeof label === 'string'))
    return raw.has('num_labels') && labelCount(raw) !== labels.length ? numbered(labelCount(raw)) : (labels as string[])
  throw new EspalierError('model.config', {
    what: 'id2label must name the labels 0, 1, 2, ...',
    got: { file: raw.file, id2label: names },
    fix: 'Number the labels from 0 without gaps.',
  })
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `LABEL_${i}`)

const MOST_LABELS = 1_000_000 // more are a mistake, and their names alone would fill the memory

function labelCount(raw: ConfigReader): number {
  const count = raw.integer('num_labels')
  if (count >= 0 && count <= MOST_LABELS) return count
  throw new EspalierError('model.config', {
    what: `num_labels is a whole number from 0 to ${MOST_LABELS}`,
    got: { file: raw.file, num_labels: count },
    fix: 'Correct the file, or download it again.',
  })
}

function needsCode(raw: ConfigReader, modelType: string, knownTypes: readonly string[]): EspalierError {
  const near = nearestModelType(modelType, knownTypes)
  return new EspalierError('model.code', {
    what: 'the model needs Python code from its repository, which is never run (what trust_remote_code allows in Python)',
    got: {
      file: raw.file,
      modelType,
      autoMap: Object.keys(raw.object('auto_map', {})),
      ...(near && { nearest: near }),
    },
    fix: `Use a model of ${near === undefined ? 'a type that is supported' : `type ${near}, the nearest that is supported`}.`,
  })
}
