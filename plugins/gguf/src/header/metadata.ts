/** Values of a GGUF file's metadata by what they must be. */
import { badHeader, unsupportedGguf } from '../errors.js'
import type { GgufHeader, MetadataValue } from './header.js'

/** Metadata of one file. Keys of the model's architecture are given without its name: `.block_count`. */
export class Metadata {
  readonly architecture: string

  /** Throws gguf.header where the file does not name its architecture. */
  constructor(
    private readonly values: GgufHeader['metadata'],
    readonly file: { readonly name: string },
  ) {
    this.architecture = this.text('general.architecture') ?? ''
    if (this.architecture === '') throw badHeader('the file does not name its architecture', file)
  }

  has(key: string): boolean {
    return this.find(key) !== undefined
  }

  text(key: string): string | undefined {
    return this.as(key, 'a text', (value) => typeof value === 'string')
  }

  flag(key: string): boolean | undefined {
    return this.as(key, 'true or false', (value) => typeof value === 'boolean')
  }

  number(key: string): number | undefined {
    return this.as(key, 'a number', (value): value is number => typeof value === 'number' && Number.isFinite(value))
  }

  /** A float32, as the shortest decimal that is it: 1e-5 and not 0.000009999999747378752. */
  float(key: string): number | undefined {
    const value = this.number(key)
    return value === undefined ? undefined : shortest(value)
  }

  texts(key: string): readonly string[] | undefined {
    return this.as(key, 'a list of texts', (value): value is readonly string[] => isListOf(value, 'string'))
  }

  numbers(key: string): readonly number[] | undefined {
    return this.as(key, 'a list of numbers', (value): value is readonly number[] => isListOf(value, 'number'))
  }

  /** A number that must be there. Throws gguf.header. */
  needed(key: string): number {
    const value = this.number(key)
    if (value === undefined) throw badHeader('the metadata lack a value', this.file, { key: this.whole(key) })
    return value
  }

  /** Throws gguf.unsupported where a key is there with another value. */
  refuse(key: string, isNeutral: (value: MetadataValue) => boolean, what: string): void {
    const value = this.find(key)
    if (value !== undefined && !isNeutral(value))
      throw unsupportedGguf(what, this.file, { key: this.whole(key), value: String(value) })
  }

  private as<T extends MetadataValue>(
    key: string,
    kind: string,
    isKind: (value: MetadataValue) => value is T,
  ): T | undefined
  private as<T extends MetadataValue>(
    key: string,
    kind: string,
    isKind: (value: MetadataValue) => boolean,
  ): T | undefined
  private as(key: string, kind: string, isKind: (value: MetadataValue) => boolean): MetadataValue | undefined {
    const value = this.find(key)
    if (value === undefined || isKind(value)) return value
    throw badHeader(`a value of the metadata is not ${kind}`, this.file, { key: this.whole(key) })
  }

  private find(key: string): MetadataValue | undefined {
    return this.values.get(this.whole(key))
  }

  private whole(key: string): string {
    return key.startsWith('.') ? this.architecture + key : key
  }
}

function isListOf(value: MetadataValue, kind: 'string' | 'number'): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === kind)
}

function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}
