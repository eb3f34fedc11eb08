/** Options of a call at run time, where no compiler has looked: their names, and what kind of value each takes. */
import { EspalierError } from './errors.js'
import { didYouMean } from './nearest.js'

/** What kind of value an option takes: `typeof`, but for lists and null, an AbortSignal and seeds; `any` where it is checked by who uses it. */
export type OptionKind = ValueKind | 'signal' | 'seed' | 'any'

type ValueKind = 'string' | 'boolean' | 'number' | 'object' | 'function' | 'array' | 'null'

/** The kinds of a call's options by name; several where an option takes either. */
export type OptionKinds<Options extends object> = {
  readonly [Name in keyof Required<Options>]: OptionKind | readonly OptionKind[]
}

/**
 * Throws config.unknown with the nearest name, or all of them, for an option that does not exist, config.value for a value of another kind. Whether a
 * value is in its range is left to who uses it. owner: who takes the options, as the message begins: "shuffle". others: names that
 * people bring along from Python, in camelCase, with what to do instead: config.unsupported.
 */
export function checkOptions<Options extends object>(
  owner: string,
  options: Options,
  kinds: OptionKinds<Options>,
  others: Readonly<Record<string, string>> = {},
): void {
  requireAwaited('options', options)
  if (kindOf(options) !== 'object')
    throw new EspalierError('config.value', { what: `${owner} takes options by name`, got: { kind: kindOf(options) } })
  for (const [name, value] of Object.entries(options)) {
    const other = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    if (Object.hasOwn(others, other) && value !== undefined)
      throw new EspalierError('config.unsupported', {
        what: `${owner} has no such option`,
        got: { [name]: value },
        fix: others[other],
      })
    if (!Object.hasOwn(kinds, name))
      throw new EspalierError('config.unknown', {
        what: `${owner} has no option of this name`,
        got: { key: name },
        fix: didYouMean(name, Object.keys(kinds)),
      })
    requireAwaited(name, value)
    const kind: OptionKind | readonly OptionKind[] = kinds[name as keyof Options]
    const allowed = typeof kind === 'string' ? [kind] : kind
    if (value === undefined || allowed.some((each) => isOf(each, value))) continue
    throw new EspalierError('config.value', {
      what: `${name} takes ${allowed.map((each) => IN_WORDS[each] ?? `a value of type ${each}`).join(' or ')}`,
      got: { [name]: value },
    })
  }
}

/**
 * Throws config.value when a value has not the fields and methods by which it is used: what plain JavaScript may give where a model or a
 * backend is expected. name: of the argument. fix: where to get such a value.
 */
export function requireParts(name: string, value: unknown, parts: readonly string[], fix: string): void {
  requireAwaited(name, value)
  const hasParts = (typeof value === 'object' && value !== null) || typeof value === 'function'
  if (hasParts && parts.every((part) => part in (value as object))) return
  const isShort = value === null || typeof value === 'string' || typeof value === 'number'
  throw new EspalierError('config.value', {
    what: `${name} is not what it must be`,
    got: { [name]: isShort ? value : kindOf(value) },
    fix,
  })
}

/** Throws config.value when a value is a promise where what it promises is needed: an await was forgotten. name: of the argument. */
export function requireAwaited(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function') return
  throw new EspalierError('config.value', {
    what: `${name} is a promise of a value, not the value: an await is missing`,
    got: { [name]: 'promise' },
    fix: 'Write await before the call that gives it, as in: const model = await AutoModelForCausalLM.fromPretrained(name)',
  })
}

const IN_WORDS: Partial<Record<OptionKind, string>> = {
  signal: 'the signal of an AbortController',
  seed: 'a whole number from 0 to 2^32 - 1',
}

function isOf(kind: OptionKind, value: unknown): boolean {
  if (kind === 'any') return true
  if (kind === 'signal') return isSignal(value)
  if (kind === 'seed') return isSeed(value)
  return kindOf(value) === kind
}

/** Whether a value has what AbortSignals are used by; those of other realms are of another class. */
function isSignal(value: unknown): boolean {
  const { aborted, throwIfAborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>
  return [typeof aborted, typeof throwIfAborted, typeof addEventListener].join() === 'boolean,function,function'
}

/** Whether a number is a seed: its low 32 bits count, and two seeds are never the same. */
export function isSeed(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
}

function kindOf(value: unknown): ValueKind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value as ValueKind
}
