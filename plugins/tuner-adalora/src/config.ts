/** AdaLoRA's configuration: PEFT's AdaLoraConfig in camelCase, with its defaults and checks. */
import { EspalierError, fullMatch, type TargetConfig } from '@espalier/core'

/** Settings of AdaLoRA by PEFT's names in camelCase. */
export interface AdaLoraConfig extends TargetConfig {
  /** Layers by name, path, pattern or 'all-linear'. Null: the default of the model type. */
  readonly targetModules: readonly string[] | string | null
  /** Layers that are left out, by the same rules. */
  readonly excludeModules: readonly string[] | string | null
  /** Numbers of the layers to adapt; only with a list of targetModules. */
  readonly layersToTransform: readonly number[] | number | null
  /** Name of the list that those numbers count in, such as 'layers'. */
  readonly layersPattern: readonly string[] | string | null
  /** Modules that are trained and saved in full, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  /** Rank of every layer at the start. Default 12. */
  readonly initR: number
  /** Mean rank of the layers in the end. Default 8. */
  readonly targetR: number
  /** Steps before ranks begin to shrink. Default 0. */
  readonly tinit: number
  /** Steps at the end that train the ranks that are left. Default 0. */
  readonly tfinal: number
  /** Steps between two allocations. Default 1. */
  readonly deltaT: number
  /** Decay of the average of sensitivities, between 0 and 1. Default 0.85. */
  readonly beta1: number
  /** Decay of the average of their uncertainty, between 0 and 1. Default 0.85. */
  readonly beta2: number
  /** Weight of the penalty that keeps A and B orthogonal. Default 0.5. */
  readonly orthRegWeight: number
  /** Optimizer steps of the run; has to be given. */
  readonly totalStep: number | null
  /** Which ranks of a layer are left, by `<module path>.lora_E`: found while training. */
  readonly rankPattern: Readonly<Record<string, readonly boolean[]>> | null
  /** The update is scaled by loraAlpha / initR; by 1 where it is not above 0. Default 8. */
  readonly loraAlpha: number
  /** Share of the input that is dropped before A while training, from 0 to below 1. Default 0. */
  readonly loraDropout: number
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  readonly fanInFanOut: boolean
  /** Biases of the base model that train too: none, all, or those of targeted layers. Default 'none'. */
  readonly bias: 'none' | 'all' | 'lora_only'
  /** Default true: E zero, A and B normal with deviation 0.02. False: all of them standard normal. */
  readonly initLoraWeights: boolean
}

// What LoraConfig has besides. PEFT's AdaLoRA reads none of it; it stays as it was in files.
const unused = {
  r: 8,
  useRslora: false,
  loraBias: false,
  alphaPattern: {},
  megatronCore: 'megatron.core',
  qaloraGroupSize: 16,
} as const

// Those of another method than AdaLoRA; only what turns them off is taken.
const refused = {
  megatronConfig: null,
  trainableTokenIndices: null,
  loftqConfig: {},
  evaConfig: null,
  cordaConfig: null,
  loraGaConfig: null,
  useDora: false,
  veloraConfig: null,
  aloraInvocationTokens: null,
  useQalora: false,
  montecloraConfig: null,
  layerReplication: null,
  targetParameters: null,
  useBdlora: null,
  arrowConfig: null,
  kasaConfig: null,
  ensureWeightTying: false,
} as const

const defaults: AdaLoraConfig = {
  targetModules: null,
  excludeModules: null,
  layersToTransform: null,
  layersPattern: null,
  modulesToSave: null,
  initR: 12,
  targetR: 8,
  tinit: 0,
  tfinal: 0,
  deltaT: 1,
  beta1: 0.85,
  beta2: 0.85,
  orthRegWeight: 0.5,
  totalStep: null,
  rankPattern: null,
  loraAlpha: 8,
  loraDropout: 0,
  fanInFanOut: false,
  bias: 'none',
  initLoraWeights: true,
}

/** A complete configuration. Throws config.value, config.unsupported for what AdaLoRA does not have. */
export function parseAdaLoraConfig(raw: Readonly<Record<string, unknown>>): AdaLoraConfig {
  const all = { ...defaults, ...unused, ...refused }
  const given = Object.entries(raw).filter(([key, value]) => value !== undefined && key in all)
  const config = { ...all, ...Object.fromEntries(given) }
  for (const key of Object.keys(refused) as (keyof typeof refused)[]) refuse(key, config[key])
  for (const [key, [holds, what]] of Object.entries(rules)) demand(config, key as keyof AdaLoraConfig, holds, what)
  checkTogether(config)
  return config
}

/** The settings of LoRA that were given and that AdaLoRA does not read. */
export function unusedSettings(config: object): string[] {
  return Object.entries(unused).flatMap(([key, value]) =>
    key in config && !same((config as Readonly<Record<string, unknown>>)[key], value) ? [key] : [],
  )
}

type Rule = readonly [holds: (value: unknown) => boolean, what: string]

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0
const isAboveZero = (value: unknown) => isCount(value) && value !== 0
const isNames = (value: unknown) =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
const isPattern = (value: unknown) => {
  if (typeof value === 'string') fullMatch(value) // throws config.value where it is none
  return value === null || typeof value === 'string' || isNames(value)
}

const names: Rule = [(value) => value === null || isNames(value), 'a list of names, or null']
const pattern: Rule = [isPattern, 'a list of names, a pattern, or null']
const count: Rule = [isCount, 'a whole number from 0 on']
const flag: Rule = [(value) => typeof value === 'boolean', 'true or false']
const decay: Rule = [(value) => isNumber(value) && value > 0 && value < 1, 'a number between 0 and 1']

/** One rule per field: a field without one does not compile. */
const rules: { readonly [K in keyof Required<AdaLoraConfig>]: Rule } = {
  targetModules: pattern,
  excludeModules: pattern,
  layersToTransform: [
    (value) => value === null || isCount(value) || (Array.isArray(value) && value.every(isCount)),
    'a layer number, a list of them, or null',
  ],
  layersPattern: pattern,
  modulesToSave: names,
  initR: [isAboveZero, 'a whole number above 0'],
  targetR: count,
  tinit: count,
  tfinal: count,
  deltaT: [isAboveZero, 'a whole number above 0'],
  beta1: decay,
  beta2: decay,
  orthRegWeight: [(value) => isNumber(value) && value >= 0, 'a number from 0 on'],
  totalStep: [isAboveZero, 'the number of optimizer steps of the run'],
  rankPattern: [
    (value) =>
      value === null ||
      (typeof value === 'object' &&
        Object.values(value).every((kept) => Array.isArray(kept) && kept.every((one) => typeof one === 'boolean'))),
    'lists of true and false by layer, or null',
  ],
  loraAlpha: [isNumber, 'a number'],
  loraDropout: [(value) => isNumber(value) && value >= 0 && value < 1, 'a number from 0 to below 1'],
  fanInFanOut: flag,
  bias: [(value) => ['none', 'all', 'lora_only'].includes(value as string), "'none', 'all' or 'lora_only'"],
  initLoraWeights: flag,
}

function demand(config: AdaLoraConfig, key: keyof AdaLoraConfig, holds: (value: unknown) => boolean, what: string) {
  if (holds(config[key])) return
  const file = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  throw new EspalierError('config.value', {
    what: `AdaLoRA's ${key} must be ${what}`,
    got: { [key]: config[key] },
    fix: `Set ${key}; in a file of the configuration, "${file}"`,
  })
}

function refuse(key: keyof typeof refused, value: unknown): void {
  if (value === null || same(value, refused[key]) || (Array.isArray(value) && value.length === 0)) return
  throw new EspalierError('config.unsupported', {
    what: `AdaLoRA does not have ${key}`,
    got: { [key]: value },
    fix: `Leave ${key} out`,
  })
}

/** The rules of PEFT's AdaLoraConfig between fields. */
function checkTogether({ targetModules, layersToTransform, layersPattern, ...config }: AdaLoraConfig): void {
  const { tinit, tfinal, totalStep } = config
  if (typeof targetModules === 'string' && layersToTransform !== null)
    throw new EspalierError('config.value', {
      what: 'layersToTransform needs a list of targetModules',
      got: { targetModules, layersToTransform },
    })
  if (layersPattern !== null && layersPattern.length > 0 && layersToTransform === null)
    throw new EspalierError('config.value', {
      what: 'layersPattern needs layersToTransform',
      got: { layersPattern, layersToTransform },
    })
  if (tinit >= (totalStep as number) - tfinal)
    throw new EspalierError('config.value', {
      what: 'the schedule leaves no step in which ranks could shrink',
      got: { tinit, tfinal, totalStep },
      fix: 'Lower tinit or tfinal, or raise totalStep',
    })
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
