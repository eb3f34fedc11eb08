/** Fields of a method's configuration: a default and a check each, with PEFT's meaning. `defineConfig` makes a configuration of them. */
import { EspalierError } from '../errors.js'
import { fullMatch, patternKeyMatch } from './python-regex.js'

/** One field of a configuration. */
export interface ConfigField<T> {
  /** What it is when it is not given. */
  readonly fallback: T
  /** The value, checked, and completed where null stands for a default. Throws config.value, config.unsupported. */
  read(key: string, value: unknown): T
  /** Whether Python holds it as a float: a whole one is written as 8.0. */
  readonly isFloat?: boolean
}

/** The fields that methods share. Each is made with its default. */
export const field = {
  /** True or false. */
  flag: (fallback: boolean): ConfigField<boolean> =>
    fieldOf(fallback, 'true or false', (value) => typeof value === 'boolean'),

  /** A whole number above 0: a rank. */
  rank: (fallback: number): ConfigField<number> => fieldOf(fallback, 'a whole number above 0', isRank),

  /** A whole number from 0 on. */
  count: (fallback: number): ConfigField<number> => fieldOf(fallback, 'a whole number from 0 on', isCount),

  /** A number that files hold as it is: an alpha. */
  number: (fallback: number): ConfigField<number> => fieldOf(fallback, 'a number', isNumber),

  /** A number that Python holds as a float. */
  float: (fallback: number): ConfigField<number> => ({ ...field.number(fallback), isFloat: true }),

  /** The share of something that is dropped: from 0 to below 1, a float in Python. */
  share: (fallback: number): ConfigField<number> => ({
    ...fieldOf(fallback, 'a number from 0 to below 1', (value) => isNumber(value) && value >= 0 && value < 1),
    isFloat: true,
  }),

  /** Names, or none. */
  names: (fallback: readonly string[] | null = null): ConfigField<readonly string[] | null> =>
    fieldOf(fallback, 'a list of names, or null', (value) => value === null || isNames(value)),

  /** Names of modules, or a Python pattern for the whole path. */
  modules: (fallback: readonly string[] | string | null = null): ConfigField<readonly string[] | string | null> => ({
    fallback,
    read(key, value) {
      if (value !== null && !isNames(value) && typeof value !== 'string')
        throw wrong(key, value, 'a list of names, a pattern, or null')
      if (typeof value === 'string') fullMatch(value)
      return value
    },
  }),

  /** Numbers by pattern of a path's end, of which the first that matches wins; null is none. `what` says which numbers. */
  patterns: (what: string, holds: (value: unknown) => boolean): ConfigField<Readonly<Record<string, number>>> => ({
    fallback: {},
    read(key, value) {
      if (value === null) return {}
      if (!isRecord(value) || !Object.values(value).every(holds))
        throw wrong(key, value, `an object of patterns and ${what}`)
      for (const pattern of Object.keys(value)) patternKeyMatch(pattern)
      return value as Readonly<Record<string, number>>
    },
  }),

  /** What belongs to a feature that does not exist yet: only what turns it off is taken: the default, null, false, or an empty list. */
  unsupported: <T>(feature: string, fallback: T): ConfigField<T> => ({
    fallback,
    read(key, value) {
      const isOff =
        value === null || value === false || value === fallback || (Array.isArray(value) && value.length === 0)
      if (isOff) return value as T
      throw new EspalierError('config.unsupported', {
        what: `${feature} is not supported yet`,
        got: { [key]: value },
        fix: `Leave ${key} out`,
      })
    },
  }),

  /** Biases of the base model that train too. `own` is the method's word for those of its layers. */
  bias: <Own extends `${string}_only`>(own: Own): ConfigField<'none' | 'all' | Own> =>
    fieldOf<'none' | 'all' | Own>(
      'none',
      `'none', 'all' or '${own}'`,
      (value) => value === 'none' || value === 'all' || value === own,
    ),

  /** What means nothing here and stays as it was given, for files. */
  kept: <T>(fallback: T): ConfigField<T> => ({ fallback, read: (_, value) => value as T }),
}

/** Which layers are adapted, and which are trained in full. PEFT's methods have all of them, but some have no excludeModules. */
export const targetFields = {
  /** Layers by name, path, pattern or 'all-linear'. Null: the default of the model type. */
  targetModules: field.modules(),
  /** Layers that are left out, by the same rules. */
  excludeModules: field.modules(),
  /** Modules that are trained and saved in full, by the end of their path. */
  modulesToSave: field.names(),
}

/** Which of the numbered layers are adapted. */
export const layerFields = {
  /** Numbers of the layers to adapt; only with a list of targetModules. */
  layersToTransform: fieldOf<readonly number[] | number | null>(
    null,
    'a layer number, a list of them, or null',
    (value) => value === null || isCount(value) || (Array.isArray(value) && value.every(isCount)),
  ),
  /** Name of the list that those numbers count in, such as 'layers'. Needs layersToTransform. */
  layersPattern: field.modules(),
}

/** Ranks and alphas that differ from layer to layer. */
export const patternFields = {
  /** Ranks by pattern of the path's end; the first that matches wins. */
  rankPattern: field.patterns('whole numbers above 0', isRank),
  /** Alphas, likewise. */
  alphaPattern: field.patterns('numbers', isNumber),
}

/** A field of one check, with the sentence that says what the value must be. */
export function fieldOf<T>(fallback: T, what: string, holds: (value: unknown) => boolean): ConfigField<T> {
  return {
    fallback,
    read(key, value) {
      if (!holds(value)) throw wrong(key, value, what)
      return value as T
    },
  }
}

function wrong(key: string, value: unknown, what: string): EspalierError {
  return new EspalierError('config.value', { what: `${key} must be ${what}`, got: { [key]: value } })
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0
}

function isRank(value: unknown): boolean {
  return isCount(value) && value !== 0
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
