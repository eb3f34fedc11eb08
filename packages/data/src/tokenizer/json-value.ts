/**
 * Checks on parsed JSON of unknown origin: each returns the value with its type or throws `tokenizer.file` with the place in the
 * file. It knows nothing about what the values mean.
 */
import { EspalierError } from '@espalier/core'

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** An error that says which file, where in it, and what was there instead of what was needed. */
export function fileError(
  file: string,
  what: string,
  got: Record<string, unknown> = {},
  cause?: unknown,
): EspalierError {
  return new EspalierError('tokenizer.file', {
    what,
    got: { file, ...got },
    fix: 'Download the file again, or write it with save_pretrained of transformers.',
    cause,
  })
}

/** The JSON object that a text holds. Throws tokenizer.file when it is not JSON or not an object. */
export function parseObject(file: string, text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw fileError(
      file,
      'a tokenizer file is not JSON',
      { reason: cause instanceof Error ? cause.message : String(cause) },
      cause,
    )
  }
  return asObject(file, '', value)
}

/** The value as an object. */
export function asObject(file: string, place: string, value: unknown): JsonObject {
  if (isObject(value)) return value
  throw fileError(file, 'a tokenizer file has a value of another kind than needed', {
    place,
    needed: 'object',
    found: kindOf(value),
  })
}

/** The value as an array. */
export function asArray(file: string, place: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw fileError(file, 'a tokenizer file has a value of another kind than needed', {
    place,
    needed: 'array',
    found: kindOf(value),
  })
}

/** The value as a string. */
export function asString(file: string, place: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw fileError(file, 'a tokenizer file has a value of another kind than needed', {
    place,
    needed: 'string',
    found: kindOf(value),
  })
}

const LARGEST_ID = 16_777_215 // far above any vocabulary; a larger id would make tables of gigabytes

/** The value as a token id. */
export function asTokenId(file: string, place: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_ID) return value
  throw fileError(file, 'a token id must be a whole number from 0 to 16777215', { place, id: value })
}

/** Whether a value is a JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}
