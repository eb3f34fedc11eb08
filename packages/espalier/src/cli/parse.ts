/** From words and config files to checked values. Flags may be written with - or _; a flag wins over the file. */

import { didYouMean, snakeCase } from '@espalier/core'
import { parseJson } from '@espalier/serialization'
import { UsageError } from './failure.js'
import { type Option, type OptionType, rangeText } from './option.js'
import { options, optionsOf } from './options.js'
import { pythonFloat, pythonInt } from './python-number.js'

/** A checked value. */
export type Value = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>

/** What a command was given. */
export interface Arguments {
  readonly values: ReadonlyMap<string, Value>
  readonly positional: readonly string[]
  /** Options of Python that mean nothing here. */
  readonly notes: readonly string[]
}

const byName = new Map(
  options.flatMap((option) =>
    [option.name, ...(option.aliases ?? []).map(dashed)].map((name) => [name, option] as const),
  ),
)

/** The words after a command, of which `positionals` may stand without an option. Throws UsageError with the nearest option. */
export function parseWords(command: string, words: readonly string[], positionals = 0): Arguments {
  const given: [string, string[] | undefined][] = []
  const positional: string[] = []
  for (let i = 0; i < words.length; ) {
    const word = words[i++] as string
    if (!word.startsWith('--')) {
      if (word.startsWith('-') && word !== '-') throw unknown(command, word.replace(/^-+/, ''))
      if (positional.length === positionals)
        throw new UsageError(`${command} does not know what to do with "${word}"`, 'Options begin with --; see --help')
      if (word === '') throw empty(command)
      positional.push(word)
      continue
    }
    const { name, values, next } = optionAt(command, words, i - 1)
    i = next
    given.push([name, values.length === 0 ? undefined : values])
  }
  return { ...collect(command, given, 'words'), positional }
}

/** The words without those of some options, however they are spelt. */
export function withoutOptions(command: string, words: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < words.length; ) {
    const isOption = words[i]?.startsWith('--') === true
    const { option, next } = isOption ? optionAt(command, words, i) : { option: undefined, next: i + 1 }
    if (option === undefined || !names.includes(option.name)) kept.push(...words.slice(i, next))
    i = next
  }
  return kept
}

/** The option that stands at a place, with its values, and where the next one may. */
function optionAt(command: string, words: readonly string[], at: number) {
  const [name = '', inline] = splitOnce((words[at] as string).slice(2), '=')
  const option = find(command, name)
  const values: string[] = inline === undefined ? [] : [inline]
  const most = MOST_WORDS[option?.type ?? 'text'] ?? 1
  let next = at + 1
  while (inline === undefined && values.length < most && next < words.length && takes(option, words[next] as string))
    values.push(words[next++] as string)
  return { name, option, values, next }
}

const MOST_WORDS: Partial<Record<OptionType, number>> = {
  list: Number.POSITIVE_INFINITY,
  texts: Number.POSITIVE_INFINITY,
  'texts-or-text': Number.POSITIVE_INFINITY,
}

/** Whether a word is a value of the option before it: `--tensors PATH` is not one, `--tensors false` is. */
function takes(option: Option | undefined, word: string): boolean {
  return !word.startsWith('--') && (option?.type !== 'boolean' || TRUE_OR_FALSE.test(word))
}

/** A config file's keys, in snake_case or with dashes. Throws UsageError. */
export function parseRecord(command: string, record: Readonly<Record<string, unknown>>): Omit<Arguments, 'positional'> {
  const given = Object.entries(record).flatMap(([name, value]): [string, string[]][] => {
    if (value === undefined || (value === null && dashed(name) !== 'max-length')) return []
    const words = Array.isArray(value) ? value : [value]
    return [[name, words.map((part) => worded(name, part))]]
  })
  return collect(command, given, 'file')
}

function worded(name: string, value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return JSON.stringify(value)
  } catch {
    throw new UsageError(`${name} in the config file is nested too deeply, or in a circle`)
  }
}

function collect(
  command: string,
  given: readonly (readonly [string, readonly string[] | undefined])[],
  source: 'words' | 'file',
): Omit<Arguments, 'positional'> {
  const values = new Map<string, Value>()
  const notes: string[] = []
  for (const [name, words] of given) {
    const option = find(command, name)
    if (option === undefined) throw source === 'file' ? unknownKey(command, name) : unknown(command, name)
    if (option.noEffect !== undefined && (source === 'file' || option.planned === undefined)) {
      if (!/^false$/i.test(words?.[0] ?? ''))
        notes.push(`${source === 'file' ? name : `--${dashed(name)}`} has no effect: ${option.noEffect}`)
      continue
    }
    if (option.planned !== undefined) {
      if (isOff(option, words)) continue
      throw new UsageError(`--${option.name}: ${option.planned}`, `See espalier ${command} --help for what exists`)
    }
    const value = convert(option, words)
    const before = values.get(option.name)
    values.set(
      option.name,
      (option.type === 'texts' || option.type === 'each') && Array.isArray(before)
        ? [...before, ...(value as string[])]
        : value,
    )
  }
  return { values, notes }
}

function isOff({ neutral = [] }: Option, words: readonly string[] | undefined): boolean {
  return words?.every((word) => OFF.test(word) || neutral.includes(word)) ?? false
}

const OFF = /^(false|0|0\.0|no|none|null)$/i

function find(command: string, name: string): Option | undefined {
  const option = byName.get(dashed(name))
  return option?.commands.includes(command) === true ? option : undefined
}

function convert(option: Option, words: readonly string[] | undefined): Value {
  const { name, type, choices } = option
  const [first] = words ?? []
  if (TEXTS.has(type) && option.mayBeEmpty !== true && words?.includes('') === true) throw empty(`--${name}`)
  const parts = (words ?? []).flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== '')
  if (type === 'boolean') {
    if (first === undefined) return true
    if (!TRUE_OR_FALSE.test(first)) throw new UsageError(`--${name} is true or false, not ${first}`)
    return first.toLowerCase() === 'true'
  }
  if (type === 'text-or-true')
    return first === undefined || /^true$/i.test(first) ? true : /^false$/i.test(first) ? false : first
  if (first === undefined) throw new UsageError(`--${name} needs a value`, option.help)
  if (type === 'number' || type === 'whole') {
    if (name === 'max-length' && /^(?:none|null|false|no)$/i.test(first)) return WHOLE_ROWS
    return asNumber(option, first)
  }
  if (type === 'texts' || type === 'each') return words as string[]
  if (type === 'list') return parts
  if (type === 'texts-or-text') return namesOrPattern(words as string[], parts)
  if (type === 'record') return asRecord(name, first)
  // YAML reads a plain `no` as false.
  if (first === 'false' && choices?.includes('no') === true) return 'no'
  if (choices !== undefined && !choices.includes(first))
    throw new UsageError(`--${name} is one of ${choices.join(', ')}, not ${first}`)
  return first
}

/** What stands for `--max-length none`: rows stay whole. */
export const WHOLE_ROWS = 0

const TEXTS: ReadonlySet<OptionType> = new Set<OptionType>(['text', 'texts', 'each', 'text-or-true'])

// An empty path would be the working folder.
function empty(what: string): UsageError {
  return new UsageError(
    `${what} was given an empty text`,
    'Is a variable of the shell not set? Give a value, or leave it out',
  )
}

/** `q_proj v_proj`, `q_proj,v_proj`: names; a single word with other characters than names have is a pattern. */
function namesOrPattern(words: readonly string[], parts: readonly string[]): Value {
  const [only] = words
  const isNames = parts.every((part) => /^[\w.-]+$/.test(part))
  if (words.length === 1 && only !== undefined && (only === 'all-linear' || !isNames)) return only
  return parts
}

function asNumber({ name, type, range = type === 'whole' ? { least: 1 } : {} }: Option, text: string): number {
  const number = type === 'whole' ? pythonInt(text) : pythonFloat(text)
  const kind = type === 'whole' ? 'a whole number' : 'a number'
  const { least, above, most, below } = range
  const isWithin =
    number >= (least ?? Number.NEGATIVE_INFINITY) &&
    number <= (most ?? Number.POSITIVE_INFINITY) &&
    (above === undefined || number > above) &&
    (below === undefined || number < below)
  if (isWithin) return number
  throw new UsageError(
    `--${name} is ${[kind, rangeText(range)].filter((part) => part !== '').join(', ')}, not ${shortened(text)}`,
  )
}

function asRecord(name: string, text: string): Value {
  try {
    const value = parseJson(text, `--${name}`)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new UsageError(`--${name} is a mapping, as {"name": value}, not ${shortened(text)}`)
}

function shortened(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`
}

function unknown(command: string, name: string): UsageError {
  const known = optionsOf(command).map((option) => `--${option.name}`)
  const elsewhere = byName.get(dashed(name))
  if (elsewhere !== undefined)
    return new UsageError(`${command} takes no --${dashed(name)}`, `It belongs to ${elsewhere.commands.join(', ')}`)
  return new UsageError(
    `no option is called --${name}`,
    didYouMean(dashed(name), known, `espalier ${command} --help lists them`),
  )
}

// A key of a config file has the name of an option in snake_case.
function unknownKey(command: string, key: string): UsageError {
  const ours = snakeCase(key.replaceAll('-', '_'))
  if (find(command, ours) !== undefined)
    return new UsageError(`no option is called ${key}: keys of files are in snake_case`, `Write ${ours}`)
  return unknown(command, ours)
}

const LONGEST_SHOWN = 200 // characters of a value in a message

const TRUE_OR_FALSE = /^(true|false)$/i

function dashed(name: string): string {
  return name.replaceAll('_', '-')
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const index = text.indexOf(mark)
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
