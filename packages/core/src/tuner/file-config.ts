/** adapter_config.json's keys and ours: snake_case in files, camelCase in programs. Keys inside values are never renamed. */
import { EspalierError } from '../errors.js'
import type { PeftTaskType } from '../model/model.js'
import { didYouMean } from '../nearest.js'
import type { TunerBase } from './families.js'

/** Fields of adapter_config.json that belong to every method. */
export interface AdapterMetadata {
  readonly taskType: PeftTaskType | null
  readonly baseModelNameOrPath: string | null
  readonly revision: string | null
  readonly inferenceMode: boolean
  readonly autoMapping: unknown
  readonly peftVersion: string | null
}

/** The PEFT version whose format we write. */
export const PEFT_VERSION = '0.21.0'

const metadataKeys = new Set([
  'task_type',
  'peft_type',
  'auto_mapping',
  'peft_version',
  'base_model_name_or_path',
  'revision',
  'inference_mode',
])

/** Fields of every method as programs name them. */
export const metadataFields: readonly string[] = [...metadataKeys].map(camelCase)

const taskTypes: readonly PeftTaskType[] = [
  'SEQ_CLS',
  'SEQ_2_SEQ_LM',
  'CAUSAL_LM',
  'TOKEN_CLS',
  'QUESTION_ANS',
  'FEATURE_EXTRACTION',
]

/** lora_alpha -> loraAlpha. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** loraAlpha -> lora_alpha. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * A parsed adapter_config.json with camelCase keys, `peft_type` left out. Values are as they were. `tuner` names the keys that follow
 * another rule.
 */
export function fromFileConfig(
  file: Readonly<Record<string, unknown>>,
  { configKeys = {} }: Pick<TunerBase<unknown>, 'configKeys'> = {},
): Record<string, unknown> {
  const fields = new Map(Object.entries(configKeys).map(([field, key]) => [key, field]))
  return Object.fromEntries(
    Object.entries(file).flatMap(([key, value]) =>
      key === 'peft_type' ? [] : [[fields.get(key) ?? camelCase(key), value] as const],
    ),
  )
}

/** A configuration's camelCase keys split into what every method has and the method's own. Throws config.value for an unknown task. */
export function splitMetadata(raw: Readonly<Record<string, unknown>>): {
  readonly metadata: Partial<AdapterMetadata>
  readonly own: Readonly<Record<string, unknown>>
} {
  const entries = Object.entries(raw)
  if (raw.taskType != null && !taskTypes.some((known) => known === raw.taskType))
    throw new EspalierError('config.value', {
      what: 'no task has this name',
      got: { taskType: raw.taskType, known: taskTypes },
      fix: didYouMean(String(raw.taskType), taskTypes),
    })
  const common = entries.filter(([key, value]) => metadataKeys.has(snakeCase(key)) && value != null)
  const texts = common.filter(([key, value]) => typeof value === 'string' && key !== 'peftType')
  const metadata: Partial<AdapterMetadata> = {
    ...Object.fromEntries(texts),
    ...(raw.inferenceMode === undefined ? {} : { inferenceMode: raw.inferenceMode === true }),
    ...(raw.autoMapping == null ? {} : { autoMapping: raw.autoMapping }),
  }
  return { metadata, own: Object.fromEntries(entries.filter(([key]) => !metadataKeys.has(snakeCase(key)))) }
}

/** What adapter_config.json holds: the method's configuration under the file's keys with every method's fields. inference_mode is always true in files. */
export function toFileConfig(
  { kind, configKeys = {} }: Pick<TunerBase<unknown>, 'kind' | 'configKeys'>,
  config: object,
  metadata: AdapterMetadata,
): Record<string, unknown> {
  const own = Object.fromEntries(
    Object.entries(config).map(([field, value]) => [configKeys[field] ?? snakeCase(field), value as unknown]),
  )
  return {
    ...own,
    peft_type: kind.toUpperCase(),
    task_type: metadata.taskType,
    auto_mapping: metadata.autoMapping,
    base_model_name_or_path: metadata.baseModelNameOrPath,
    revision: metadata.revision,
    inference_mode: true,
    peft_version: metadata.peftVersion ?? PEFT_VERSION,
  }
}
