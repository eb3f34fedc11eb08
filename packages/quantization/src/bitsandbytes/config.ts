/** BitsAndBytesConfig: its fields in camelCase, its defaults, and the entry of config.json. */
import { checkOptions, EspalierError, type OptionKinds, snakeCase } from '@espalier/core'
import type { FourBitType } from '../codes/tables.js'
import type { FloatName } from './quant-state.js'

/** transformers' BitsAndBytesConfig. Defaults are its own. */
export interface BitsAndBytesConfig {
  /** Packs linear layers in 4 bits. Default false. */
  readonly loadIn4bit?: boolean
  /** Packs linear layers in 8 bits, LLM.int8(). Default false. */
  readonly loadIn8bit?: boolean
  /** Default `fp4`, as in transformers; `nf4` is what QLoRA and TRL use. */
  readonly bnb4bitQuantType?: FourBitType
  /** Packs the scales too: 4.13 bits a weight in place of 4.5. Default false. */
  readonly bnb4bitUseDoubleQuant?: boolean
  /** For files alone: here a model computes in the dtype that it is loaded in. Default `float32`. */
  readonly bnb4bitComputeDtype?: FloatName
  /** The dtype of the tensor that holds the bytes of codes: `uint8`, the only one here. */
  readonly bnb4bitQuantStorage?: 'uint8'
  /** Least magnitude of an outlier in LLM.int8()'s own product. For files alone: here products are of decoded weights. Default 6. */
  readonly llmInt8Threshold?: number
  /** Layers that stay floats: beginnings or ends of their paths, regular expressions as in transformers. Default: output layers, and those whose weight is tied. */
  readonly llmInt8SkipModules?: readonly string[] | null
}

/** A configuration with every field. */
export type FullConfig = Required<BitsAndBytesConfig>

const DEFAULTS: FullConfig = {
  loadIn4bit: false,
  loadIn8bit: false,
  bnb4bitQuantType: 'fp4',
  bnb4bitUseDoubleQuant: false,
  bnb4bitComputeDtype: 'float32',
  bnb4bitQuantStorage: 'uint8',
  llmInt8Threshold: 6,
  llmInt8SkipModules: null,
}

const KINDS: OptionKinds<BitsAndBytesConfig> = {
  loadIn4bit: 'boolean',
  loadIn8bit: 'boolean',
  bnb4bitQuantType: 'string',
  bnb4bitUseDoubleQuant: 'boolean',
  bnb4bitComputeDtype: 'string',
  bnb4bitQuantStorage: 'string',
  llmInt8Threshold: 'number',
  llmInt8SkipModules: ['array', 'null'],
}

const OTHERS = {
  llmInt8EnableFp32CpuOffload: 'Leave it out: weights that no device holds are not split here',
  llmInt8HasFp16Weight: 'Leave it out: packed weights are frozen; train an adapter on them',
}

const FLOATS: readonly FloatName[] = ['float32', 'float16', 'bfloat16']

/** The configuration with every field. Throws config.value, config.unknown, config.unsupported. */
export function fullConfig(given: BitsAndBytesConfig): FullConfig {
  checkOptions('quantizationConfig', given, KINDS, OTHERS)
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  const config: FullConfig = { ...DEFAULTS, ...Object.fromEntries(said) }
  const { loadIn4bit, loadIn8bit, bnb4bitQuantStorage: storage, llmInt8Threshold: threshold } = config
  if (loadIn4bit && loadIn8bit)
    throw new EspalierError('config.value', {
      what: 'weights are packed in 4 bits or in 8 bits',
      got: { loadIn4bit, loadIn8bit },
      fix: 'Set one of them',
    })
  oneOf('bnb4bitQuantType', config.bnb4bitQuantType, ['nf4', 'fp4'])
  oneOf('bnb4bitComputeDtype', config.bnb4bitComputeDtype, FLOATS)
  oneOf('bnb4bitQuantStorage', storage, ['uint8'])
  if (!(threshold >= 0))
    throw new EspalierError('config.value', {
      what: 'llmInt8Threshold must be 0 or more',
      got: { llmInt8Threshold: threshold },
      fix: '6 is usual',
    })
  const skipped: readonly unknown[] = config.llmInt8SkipModules ?? []
  if (skipped.some((name) => typeof name !== 'string'))
    throw new EspalierError('config.value', {
      what: 'llmInt8SkipModules takes names of modules',
      got: { llmInt8SkipModules: skipped },
      fix: "As in: ['lm_head']",
    })
  return config
}

/** `quantization_config` as transformers writes it. kept: paths of the linear layers that stayed floats. */
export function fileConfig(config: FullConfig, kept: readonly string[]): Readonly<Record<string, unknown>> {
  const { loadIn4bit, loadIn8bit, llmInt8SkipModules: skipped, ...rest } = config
  const names = [...new Set([...(skipped ?? []), ...kept])]
  return {
    quant_method: 'bitsandbytes',
    _load_in_4bit: loadIn4bit,
    _load_in_8bit: loadIn8bit,
    load_in_4bit: loadIn4bit,
    load_in_8bit: loadIn8bit,
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [FILE_KEYS[key] ?? snakeCase(key), value])),
    llm_int8_skip_modules: names,
    llm_int8_enable_fp32_cpu_offload: false,
    llm_int8_has_fp16_weight: false,
  }
}

// Where a digit begins a word.
const FILE_KEYS: Readonly<Record<string, string>> = {
  bnb4bitQuantType: 'bnb_4bit_quant_type',
  bnb4bitUseDoubleQuant: 'bnb_4bit_use_double_quant',
  bnb4bitComputeDtype: 'bnb_4bit_compute_dtype',
  bnb4bitQuantStorage: 'bnb_4bit_quant_storage',
  llmInt8Threshold: 'llm_int8_threshold',
}

function oneOf(key: keyof BitsAndBytesConfig, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new EspalierError('config.value', {
    what: `${key} must be one of the known values`,
    got: { [key]: value },
    fix: `Use ${known.join(', ')}`,
  })
}
