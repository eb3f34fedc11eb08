/** Typed reading of a JSON configuration: a key that is missing or has a value of another kind is an error that names key and file. */
import { EspalierError } from '@espalier/core'

/** Reads values of one configuration. Without a default a key must be there; null counts as absent. */
export class ConfigReader {
  constructor(
    readonly values: Readonly<Record<string, unknown>>,
    readonly file: string,
  ) {}

  /** Whether a key is there and not null. */
  has(key: string): boolean {
    return Object.hasOwn(this.values, key) && this.values[key] != null
  }

  /** A whole number. */
  integer(key: string, fallback?: number): number {
    return this.read(key, 'a whole number', (value): value is number => Number.isSafeInteger(value), fallback)
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    return this.read(
      key,
      'a number',
      (value): value is number => typeof value === 'number' && Number.isFinite(value),
      fallback,
    )
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.read(key, 'true or false', (value): value is boolean => typeof value === 'boolean', fallback)
  }

  text(key: string, fallback?: string): string {
    return this.read(key, 'text', (value): value is string => typeof value === 'string', fallback)
  }

  /** A list of text. */
  texts(key: string, fallback?: readonly string[]): readonly string[] {
    const isTexts = (value: unknown): value is readonly string[] =>
      Array.isArray(value) && value.every((item) => typeof item === 'string')
    return this.read(key, 'a list of text', isTexts, fallback)
  }

  /** An object. */
  object(key: string, fallback?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return this.read(key, 'an object', isRecord, fallback)
  }

  private read<T>(key: string, kind: string, is: (value: unknown) => value is T, fallback: T | undefined): T {
    if (!this.has(key)) {
      if (fallback !== undefined) return fallback
      throw new EspalierError('model.config', {
        what: 'a key of a configuration is missing',
        got: { file: this.file, key },
        fix: 'Add it, or download the file again.',
      })
    }
    const value = this.values[key]
    if (is(value)) return value
    throw new EspalierError('model.config', {
      what: `a key of a configuration must be ${kind}`,
      got: { file: this.file, key, value },
      fix: 'Correct the file, or download it again.',
    })
  }
}

/** Whether a value is a plain object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
