/**
 * The one error type of Espalier: a stable code, what happened, the values that decide it and one action. It leaves the catalogue
 * of codes to error-codes.ts and printing to whoever shows it.
 */
import type { ErrorCode } from './error-codes.js'

/** The parts of an error: what happened, the values that decide it, one action, and the error that led to it. */
export interface EspalierErrorParts {
  readonly what: string
  readonly got?: Readonly<Record<string, unknown>>
  readonly fix?: string
  readonly cause?: unknown
}

/** An error as plain data, for a message between threads or a log. */
export interface SerializedError {
  readonly code: ErrorCode
  readonly what: string
  readonly details: Readonly<Record<string, unknown>>
  readonly fix?: string
  readonly cause?: string
}

const MARK = Symbol.for('espalier.error')

/** Every error that Espalier throws. Recognise it with `EspalierError.isInstance` or `instanceof`: both work across duplicate copies of the package. */
export class EspalierError extends Error {
  /** Stable name of the kind of failure, `area.reason`; docs/errors.md lists them. */
  readonly code: ErrorCode
  /** What happened, without the values. */
  readonly what: string
  /** The values that decide it. */
  readonly details: Readonly<Record<string, unknown>>
  /** One action that mends it, when there is one. */
  readonly fix: string | undefined

  constructor(code: ErrorCode, parts: EspalierErrorParts) {
    const { what, got = {}, fix, cause } = parts
    super(message(what, got, fix), cause === undefined ? undefined : { cause })
    this.name = 'EspalierError'
    this.code = code
    this.what = what
    this.details = got
    this.fix = fix
    Object.defineProperty(this, MARK, { value: true })
  }

  /** Whether a value is an EspalierError, from this or another copy of the package. */
  static isInstance(value: unknown): value is EspalierError {
    return value instanceof Error && (value as unknown as Record<symbol, unknown>)[MARK] === true
  }

  /** What `instanceof` asks: as isInstance, and of a class below this one as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const isOwn = Function.prototype[Symbol.hasInstance].call(this, value) as boolean
    return isOwn || (this === EspalierError && EspalierError.isInstance(value))
  }

  /** As Node shows a code: `EspalierError [area.reason]: message`. */
  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`
  }

  /** The error as plain data that survives a structured clone. */
  toJSON(): SerializedError {
    const cause =
      this.cause instanceof Error ? this.cause.message : this.cause === undefined ? undefined : String(this.cause)
    return {
      code: this.code,
      what: this.what,
      details: plain(this.details),
      ...(this.fix === undefined ? {} : { fix: this.fix }),
      ...(cause === undefined ? {} : { cause }),
    }
  }

  /** The error that `toJSON` described. */
  static fromJSON(data: SerializedError): EspalierError {
    return new EspalierError(data.code, {
      what: data.what,
      got: data.details,
      ...(data.fix === undefined ? {} : { fix: data.fix }),
      ...(data.cause === undefined ? {} : { cause: new Error(data.cause) }),
    })
  }
}

/** Fails to compile when a closed union gains a member that a switch does not handle. */
export function assertNever(value: never): never {
  throw new EspalierError('internal.unreachable', { what: 'a case was not handled', got: { value } })
}

function message(what: string, got: Readonly<Record<string, unknown>>, fix: string | undefined): string {
  const values = Object.entries(got).map(([key, value]) => `${key}=${show(value)}`)
  return `${what}${values.length > 0 ? ` (${values.join(', ')})` : ''}.${fix === undefined ? '' : ` ${fix}`}`
}

const LONGEST_LIST = 20 // entries of a list shown in a message; the total follows

function show(value: unknown): string {
  if (Array.isArray(value) && value.length > LONGEST_LIST) {
    return `${text(value.slice(0, LONGEST_LIST)).slice(0, -1)}, ... ${value.length} in all]`
  }
  return value === undefined || typeof value === 'bigint' ? String(value) : text(value)
}

// An error about a strange value must not fail over that value: JSON has no bigint and no circles.
function text(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ??
      JSON.stringify(String(value))
    )
  } catch {
    return '"(not shown)"'
  }
}

function plain(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(details).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, JSON.parse(text(value)) as unknown]))
}
