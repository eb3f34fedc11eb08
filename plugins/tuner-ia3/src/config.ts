/** IA3's configuration: PEFT's IA3Config in camelCase, with its defaults and checks. */
import { EspalierError, fullMatch, type TargetConfig } from '@espalier/core'

/** Settings of IA3 by PEFT's names in camelCase. */
export interface Ia3Config extends TargetConfig {
  /** Layers by name, path, pattern or 'all-linear'. Null: the default of the model type. */
  readonly targetModules: readonly string[] | string | null
  /** Layers that are left out, by the same rules. */
  readonly excludeModules: readonly string[] | string | null
  /** Which of the targets scale their input instead of their output: ends of paths, or a pattern. Null: the model type's. */
  readonly feedforwardModules: readonly string[] | string | null
  /** Whether weights are stored as (in, out), as in GPT-2. Corrected by the layers that are found. */
  readonly fanInFanOut: boolean
  /** Modules that are trained and saved in full, by the end of their path. */
  readonly modulesToSave: readonly string[] | null
  /** Default true: all ones, which changes nothing. False: standard normal. */
  readonly initIa3Weights: boolean
}

const defaults: Ia3Config = {
  targetModules: null,
  excludeModules: null,
  feedforwardModules: null,
  fanInFanOut: false,
  modulesToSave: null,
  initIa3Weights: true,
}

/** A complete configuration. Throws config.value. */
export function parseIa3Config(raw: Readonly<Record<string, unknown>>): Ia3Config {
  const given = Object.entries(raw).filter(([key, value]) => value !== undefined && key in defaults)
  const config = { ...defaults, ...Object.fromEntries(given) }
  for (const key of ['targetModules', 'excludeModules', 'feedforwardModules'] as const) {
    const value = config[key]
    if (typeof value === 'string') fullMatch(value)
    else demand(key, value, value === null || isNames(value), 'a list of names, a pattern, or null')
  }
  const { modulesToSave, fanInFanOut, initIa3Weights, feedforwardModules, targetModules } = config
  demand('modulesToSave', modulesToSave, modulesToSave === null || isNames(modulesToSave), 'a list of names, or null')
  demand('fanInFanOut', fanInFanOut, typeof fanInFanOut === 'boolean', 'true or false')
  demand('initIa3Weights', initIa3Weights, typeof initIa3Weights === 'boolean', 'true or false')
  if (isNames(feedforwardModules) && isNames(targetModules)) {
    const missing = feedforwardModules.filter((name) => !targetModules.includes(name))
    demand('feedforwardModules', feedforwardModules, missing.length === 0, 'part of targetModules')
  }
  return config
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
}

function demand(key: keyof Ia3Config, value: unknown, holds: boolean, what: string): void {
  if (!holds) throw new EspalierError('config.value', { what: `${key} must be ${what}`, got: { [key]: value } })
}
