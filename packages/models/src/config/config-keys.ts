/** Checked reading of the keys of a config.json record. Which keys a family needs is said in its own file. */
import { EspalierError, type ModelConfig } from '@espalier/core'

const MOST_PARTS = 65_536 // more layers, heads or experts than any model has; building as many as a broken file says may fill the memory

/** The keys of one configuration; null counts as absent, and a key without a fallback must be there. */
export class ConfigKeys {
  constructor(
    readonly values: ModelConfig,
    /** Where the keys are, for messages: '' or 'rope_parameters.'. */
    private readonly prefix: string = '',
  ) {}

  /** Whether a key is there and not null. */
  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null
  }

  /** A whole number above zero: sizes and counts. Throws model.config. */
  size(key: string, fallback?: number): number {
    return this.read(
      key,
      'a whole number above 0',
      fallback,
      (value) => Number.isSafeInteger(value) && Number(value) > 0,
    )
  }

  /** How many parts there are of one kind, each of which is built: layers, heads, experts. Throws model.config. */
  parts(key: string, fallback?: number): number {
    return this.partsFrom(1, key, fallback)
  }

  /** The same of parts that a model may lack. Throws model.config. */
  optionalParts(key: string): number {
    return this.partsFrom(0, key)
  }

  /** A whole number from 0 on: how many there are of what a model may lack. Throws model.config. */
  count(key: string, fallback?: number): number {
    return this.read(
      key,
      'a whole number from 0 on',
      fallback,
      (value) => Number.isSafeInteger(value) && Number(value) >= 0,
    )
  }

  /** A whole number, or null when the key is absent. Throws model.config. */
  optionalInteger(key: string): number | null {
    return this.has(key) ? this.read<number>(key, 'a whole number', undefined, Number.isSafeInteger) : null
  }

  /** A finite number. Throws model.config. */
  number(key: string, fallback?: number): number {
    return this.read(key, 'a number', fallback, Number.isFinite)
  }

  /** A number above 0: a base, a factor. Throws model.config. */
  positive(key: string, fallback?: number): number {
    return this.read(key, 'a number above 0', fallback, (value) => Number.isFinite(value) && Number(value) > 0)
  }

  /** A number above 0, or null when the key is absent. Throws model.config. */
  optionalPositive(key: string): number | null {
    return this.has(key) ? this.positive(key) : null
  }

  /** A number from 0 on, such as what a norm adds to a variance. Throws model.config. */
  epsilon(key: string, fallback?: number): number {
    return this.read(key, 'a number from 0 on', fallback, (value) => Number.isFinite(value) && Number(value) >= 0)
  }

  /** A share from 0 to below 1, such as a dropout rate. Throws model.config. */
  rate(key: string, fallback = 0): number {
    return this.read(key, 'a number from 0 to below 1', fallback, (value) => Number(value) >= 0 && Number(value) < 1)
  }

  /** True or false. Throws model.config. */
  flag(key: string, fallback: boolean): boolean {
    return this.read(key, 'true or false', fallback, (value) => typeof value === 'boolean')
  }

  /** Text. Throws model.config. */
  text(key: string, fallback?: string): string {
    return this.read(key, 'text', fallback, (value) => typeof value === 'string')
  }

  /** A list of text; empty when the key is absent. Throws model.config. */
  texts(key: string): readonly string[] {
    const isTexts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')
    return this.read<readonly string[]>(key, 'a list of text', [], isTexts)
  }

  /** A list of numbers. Throws model.config. */
  numbers(key: string): readonly number[] {
    const areNumbers = (value: unknown) => Array.isArray(value) && value.every(Number.isFinite)
    return this.read<readonly number[]>(key, 'a list of numbers', undefined, areNumbers)
  }

  /** The keys of an object below, or undefined when it is absent. Throws model.config. */
  below(key: string): ConfigKeys | undefined {
    if (!this.has(key)) return undefined
    const isRecord = (value: unknown) => typeof value === 'object' && !Array.isArray(value)
    return new ConfigKeys(this.read<ModelConfig>(key, 'an object', undefined, isRecord), `${this.prefix}${key}.`)
  }

  /** The error for a setting that a family does not know: model.unsupported. */
  unsupported(key: string, known: readonly unknown[]): EspalierError {
    return new EspalierError('model.unsupported', {
      what: 'a setting of config.json is not supported',
      got: { key: this.prefix + key, value: this.values[key], known },
      fix: 'Use a model with a setting from that list.',
    })
  }

  /** The error for values that do not fit each other: model.config. */
  conflict(what: string, got: Readonly<Record<string, unknown>>): EspalierError {
    return new EspalierError('model.config', { what, got, fix: 'Correct config.json, or download it again.' })
  }

  private partsFrom(least: number, key: string, fallback?: number): number {
    return this.read(
      key,
      `a whole number from ${least} to ${MOST_PARTS}`,
      fallback,
      (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= MOST_PARTS,
    )
  }

  private read<T>(key: string, kind: string, fallback: T | undefined, fits: (value: unknown) => boolean): T {
    const value = this.has(key) ? this.values[key] : fallback
    if (value !== undefined && fits(value)) return value as T
    throw new EspalierError('model.config', {
      what: value === undefined ? 'a key of config.json is missing' : `a key of config.json must be ${kind}`,
      got: { key: this.prefix + key, ...(value === undefined ? {} : { value }) },
      fix: 'Correct config.json, or download it again.',
    })
  }
}

/** Number of labels of a classification head: `num_labels`, or the entries of `id2label`; transformers' default is 2. */
export function labelCount(keys: ConfigKeys): number {
  const names = keys.below('id2label')
  return names === undefined ? keys.size('num_labels', 2) : Object.keys(names.values).length
}
