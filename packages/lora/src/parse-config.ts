/** Completing and checking a LoRA configuration: each field by its kind, then what fields say together. */
import { EspalierError, fullMatch, patternKeyMatch } from '@espalier/core'
import { type LoraConfig, loraDefaults } from './config.js'

/** A complete configuration. Throws config.value for values out of range, config.unsupported for what does not exist yet. */
export function parseLoraConfig(raw: Readonly<Record<string, unknown>>): LoraConfig {
  const given = Object.entries(raw).filter(([key, value]) => value !== undefined && key in loraDefaults)
  // PEFT's types let patterns be null.
  const filled = given.filter(([key, value]) => value !== null || !key.endsWith('Pattern') || key === 'layersPattern')
  const config = { ...loraDefaults, ...Object.fromEntries(filled) }
  refuseRuntime(raw.runtimeConfig)
  for (const key of Object.keys(loraDefaults) as (keyof LoraConfig)[]) check(key, config[key])
  checkTogether(config)
  // As PEFT: settings of LoftQ count only with that start, which is refused above.
  return { ...config, loftqConfig: {} }
}

type Check = (key: keyof LoraConfig, value: unknown) => void

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')

/** A check for one test, with the sentence that says what the field must be. */
function must(what: string, holds: (value: unknown) => boolean): Check {
  return (key, value) => {
    if (!holds(value))
      throw new EspalierError('config.value', { what: `${key} must be ${what}`, got: { [key]: value } })
  }
}

/** A check that accepts what turns a feature off. */
function off(feature: string, isOff: (value: unknown) => boolean): Check {
  return (key, value) => {
    if (isOff(value)) return
    throw new EspalierError('config.unsupported', {
      what: `${feature} is not supported yet`,
      got: { [key]: value },
      fix: `Leave ${key} out`,
    })
  }
}

const isAbsent = (value: unknown) => value === null || value === false
const isEmpty = (value: unknown) => isAbsent(value) || (Array.isArray(value) && value.length === 0)
const flag = must('true or false', (value) => typeof value === 'boolean')
const names = must('a list of names, or null', (value) => value === null || isNames(value))
const anything: Check = () => {}
const isRank = (value: unknown) => Number.isInteger(value) && (value as number) > 0
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isLayer = (value: unknown) => Number.isInteger(value) && (value as number) >= 0

const pattern: Check = (key, value) => {
  if (typeof value === 'string') fullMatch(value)
  else names(key, value)
}

/** A map from patterns to numbers. */
function patternMap(what: string, holds: (value: unknown) => boolean): Check {
  const map = must(
    `an object of patterns and ${what}`,
    (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(holds),
  )
  return (key, value) => {
    map(key, value)
    for (const each of Object.keys(value as object)) patternKeyMatch(each)
  }
}

const initial: Check = (key, value) => {
  if (typeof value === 'boolean' || isGaussian(value)) return
  if (typeof value !== 'string' || !KNOWN_STARTS.test(value))
    throw new EspalierError('config.value', {
      what: `${key} names no way to start`,
      got: { [key]: value },
      fix: "Use true, false or 'gaussian'",
    })
  throw new EspalierError('config.unsupported', {
    what: `starting with ${value} is not supported yet`,
    got: { [key]: value },
    fix: "Use true, false or 'gaussian'",
  })
}

const KNOWN_STARTS = /^(?:eva|olora|pissa|pissa_niter_\d+|corda|lora_ga|loftq|orthogonal|mica)$/

const biases: Check = (key, value) => {
  must("'none', 'all' or 'lora_only'", (each) => each === 'none' || each === 'all' || each === 'lora_only')(key, value)
  off('training biases of the base model', (each) => each === 'none')(key, value)
}

/** One check per field: a field without one does not compile. */
const checks: { readonly [K in keyof Required<LoraConfig>]: Check } = {
  r: must('a whole number above 0', isRank),
  targetModules: pattern,
  excludeModules: pattern,
  loraAlpha: must('a number', isNumber),
  loraDropout: must(
    'a number from 0 to below 1',
    (value) => isNumber(value) && Number(value) >= 0 && Number(value) < 1,
  ),
  fanInFanOut: flag,
  bias: biases,
  useRslora: flag,
  modulesToSave: names,
  initLoraWeights: initial,
  layersToTransform: must(
    'a layer number, a list of them, or null',
    (value) => value === null || isLayer(value) || (Array.isArray(value) && value.every(isLayer)),
  ),
  layersPattern: pattern,
  rankPattern: patternMap('whole numbers above 0', isRank),
  alphaPattern: patternMap('numbers', isNumber),
  loraBias: flag,
  megatronConfig: off('Megatron', isAbsent),
  megatronCore: anything,
  trainableTokenIndices: off('training single tokens', isEmpty),
  loftqConfig: anything,
  evaConfig: off('EVA', isAbsent),
  cordaConfig: off('CorDA', isAbsent),
  loraGaConfig: off('LoRA-GA', isAbsent),
  useDora: off('DoRA', isAbsent),
  veloraConfig: off('VeLoRA', isAbsent),
  aloraInvocationTokens: off('activated LoRA', isEmpty),
  useQalora: off('QA-LoRA', isAbsent),
  qaloraGroupSize: anything,
  montecloraConfig: off('MonteCLoRA', isAbsent),
  layerReplication: off('layer replication', isEmpty),
  targetParameters: off('targeting parameters that are not in a layer', isEmpty),
  useBdlora: off('block-diagonal LoRA', isAbsent),
  arrowConfig: off('Arrow routing', isAbsent),
  kasaConfig: off('KaSA', isAbsent),
  ensureWeightTying: off('adapting tied weights together', isAbsent),
}

function check(key: keyof LoraConfig, value: unknown): void {
  checks[key](key, value)
}

function isGaussian(value: unknown): boolean {
  return typeof value === 'string' && value.toLowerCase() === 'gaussian'
}

/** The rules of PEFT's LoraConfig between fields. */
function checkTogether(config: LoraConfig): void {
  const { targetModules, layersToTransform, layersPattern, loraBias, initLoraWeights } = config
  const clash = (what: string, ...keys: (keyof LoraConfig)[]) =>
    new EspalierError('config.value', { what, got: Object.fromEntries(keys.map((key) => [key, config[key]])) })
  const hasPattern = layersPattern !== null && layersPattern !== undefined && layersPattern.length > 0
  if (typeof targetModules === 'string' && (layersToTransform != null || hasPattern))
    throw clash(
      'layersToTransform and layersPattern need a list of targetModules',
      'targetModules',
      'layersToTransform',
      'layersPattern',
    )
  if (hasPattern && layersToTransform == null)
    throw clash('layersPattern needs layersToTransform', 'layersPattern', 'layersToTransform')
  if (loraBias && typeof initLoraWeights !== 'boolean')
    throw clash('loraBias needs initLoraWeights true or false', 'loraBias', 'initLoraWeights')
}

// Never in files; a program may give it.
function refuseRuntime(value: unknown): void {
  if (typeof value === 'object' && value !== null && (value as { ephemeralGpuOffload?: unknown }).ephemeralGpuOffload)
    throw new EspalierError('config.unsupported', {
      what: 'moving layers to another device for a while is not supported',
      got: { runtimeConfig: value },
      fix: 'Leave runtimeConfig out',
    })
}
