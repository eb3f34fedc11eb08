/** From words and config files to checked values. Flags may be written with - or _; a flag wins over the file. */

import { UsageError } from './failure.js'
import { type Option, options, pythonOnly } from './options.js'

/** A checked value. */
export type Value = string | number | boolean | readonly string[]

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

/** The words after a command. Throws UsageError with the nearest option. */
export function parseWords(command: string, words: readonly string[]): Arguments {
  const given: [string, string[] | undefined][] = []
  const positional: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    if (!word.startsWith('--')) {
      positional.push(word)
      continue
    }
    const [name = '', inline] = splitOnce(word.slice(2), '=')
    const option = find(command, name)
    const values: string[] = inline === undefined ? [] : [inline]
    const many =
      option !== undefined && (option.type === 'list' || option.type === 'texts' || option.type === 'texts-or-text')
    while (inline === undefined && i + 1 < words.length && !(words[i + 1] as string).startsWith('--')) {
      const next = words[i + 1] as string
      if (option?.type === 'boolean' && !/^(true|false)$/i.test(next)) break
      if (values.length > 0 && !many) break
      values.push(next)
      i++
    }
    given.push([name, values.length === 0 ? undefined : values])
  }
  return { ...collect(command, given), positional }
}

/** A config file's keys, in snake_case or with dashes. Throws UsageError. */
export function parseRecord(command: string, record: Readonly<Record<string, unknown>>): Omit<Arguments, 'positional'> {
  const given = Object.entries(record).flatMap(([name, value]): [string, string[]][] => {
    if (value === null || value === undefined) return []
    if (typeof value === 'object' && !Array.isArray(value))
      throw new UsageError(`${name} in the config file must be a value or a list`, 'Write it as in --help')
    return [[name, Array.isArray(value) ? value.map(String) : [String(value)]]]
  })
  return collect(command, given)
}

function collect(
  command: string,
  given: readonly (readonly [string, readonly string[] | undefined])[],
): Omit<Arguments, 'positional'> {
  const values = new Map<string, Value>()
  const notes: string[] = []
  for (const [name, words] of given) {
    const option = find(command, name)
    if (option === undefined) {
      const why = pythonOnly[name.replaceAll('-', '_')]
      if (why === undefined) throw unknown(command, name)
      const off = words !== undefined && /^(false|none|no|0)$/i.test(words[0] ?? '')
      if (!off) notes.push(`--${dashed(name)} has no effect: ${why}`)
      continue
    }
    const value = convert(option, words)
    if (option.planned !== undefined) {
      if (value === false) continue
      throw new UsageError(`--${option.name}: ${option.planned}`, `See espalier ${command} --help for what exists`)
    }
    const before = values.get(option.name)
    values.set(
      option.name,
      option.type === 'texts' && Array.isArray(before) ? [...before, ...(value as string[])] : value,
    )
  }
  return { values, notes }
}

function find(command: string, name: string): Option | undefined {
  const option = byName.get(dashed(name))
  return option?.commands.includes(command) === true ? option : undefined
}

function convert(option: Option, words: readonly string[] | undefined): Value {
  const { name, type, choices } = option
  const [first] = words ?? []
  if (type === 'boolean') {
    if (first === undefined) return true
    if (!/^(true|false)$/i.test(first)) throw new UsageError(`--${name} is true or false, not ${first}`)
    return first.toLowerCase() === 'true'
  }
  if (first === undefined) throw new UsageError(`--${name} needs a value`, option.help)
  if (type === 'number' || type === 'whole') {
    const number = Number(first)
    if (Number.isNaN(number) || first.trim() === '') throw new UsageError(`--${name} is a number, not ${first}`)
    if (type === 'whole' && !Number.isInteger(number)) throw new UsageError(`--${name} is a whole number, not ${first}`)
    return number
  }
  if (type === 'texts') return words as string[]
  if (type === 'list') return (words as string[]).flatMap((word) => word.split(',')).filter((word) => word !== '')
  if (type === 'texts-or-text') return namesOrPattern(words as string[])
  if (choices !== undefined && !choices.includes(first))
    throw new UsageError(`--${name} is one of ${choices.join(', ')}, not ${first}`)
  return first
}

/** `q_proj v_proj`, `q_proj,v_proj`: names; a single word with other characters than names have is a pattern. */
function namesOrPattern(words: readonly string[]): Value {
  const [only] = words
  if (words.length === 1 && only !== undefined) {
    if (only === 'all-linear' || !/^[\w.,-]+$/.test(only)) return only
  }
  return words.flatMap((word) => word.split(',')).filter((word) => word !== '')
}

function unknown(command: string, name: string): UsageError {
  const known = options.filter((option) => option.commands.includes(command)).map((option) => option.name)
  const elsewhere = byName.get(dashed(name))
  if (elsewhere !== undefined)
    return new UsageError(`${command} takes no --${dashed(name)}`, `It belongs to ${elsewhere.commands.join(', ')}`)
  return new UsageError(`no option is called --${name}`, `Did you mean --${nearest(dashed(name), known)}?`)
}

/** The candidate with the fewest edits. */
export function nearest(word: string, candidates: readonly string[]): string {
  const scored = candidates.map((candidate) => ({ candidate, distance: distance(word, candidate) }))
  return scored.reduce(
    (best, next) => (next.distance < best.distance ? next : best),
    scored[0] ?? { candidate: '', distance: 0 },
  ).candidate
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      )
    }
    row = next
  }
  return row[b.length] as number
}

function dashed(name: string): string {
  return name.replaceAll('_', '-')
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const index = text.indexOf(mark)
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
