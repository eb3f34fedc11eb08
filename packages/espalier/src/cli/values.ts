/** Reading a command's options: config file under flags, typed getters. */
import { readConfigFile } from './config-file.js'
import { UsageError } from './failure.js'
import { type Arguments, parseRecord, parseWords, type Value, WHOLE_ROWS } from './parse.js'

/** A command's options. */
export class Values {
  constructor(
    private readonly map: ReadonlyMap<string, Value>,
    readonly positional: readonly string[],
    readonly notes: readonly string[],
    /** The words as they stood on the line. */
    readonly words: readonly string[] = [],
  ) {}

  /** Options from words, over those of `--config`. Throws UsageError. */
  static async read(command: string, words: readonly string[], positionals = 0): Promise<Values> {
    const line: Arguments = parseWords(command, words, positionals)
    const path = line.values.get('config')
    if (typeof path !== 'string') return new Values(line.values, line.positional, line.notes, words)
    const file = parseRecord(command, await readConfigFile(path))
    return new Values(new Map([...file.values, ...line.values]), line.positional, [...file.notes, ...line.notes], words)
  }

  /** The same with options that follow from the others, as if they had been given. */
  implying(options: Readonly<Record<string, Value>>): Values {
    return new Values(new Map([...this.map, ...Object.entries(options)]), this.positional, this.notes, this.words)
  }

  text(name: string): string | undefined {
    return this.map.get(name) as string | undefined
  }

  number(name: string): number | undefined {
    return this.map.get(name) as number | undefined
  }

  /** Most tokens of a row: null where rows stay whole, undefined where nothing is said. */
  maxLength(): number | null | undefined {
    const length = this.number('max-length')
    return length === WHOLE_ROWS ? null : length
  }

  flag(name: string): boolean | undefined {
    return this.map.get(name) as boolean | undefined
  }

  list(name: string): readonly string[] | undefined {
    return this.map.get(name) as readonly string[] | undefined
  }

  textOrList(name: string): string | readonly string[] | undefined {
    return this.map.get(name) as string | readonly string[] | undefined
  }

  record(name: string): Readonly<Record<string, unknown>> | undefined {
    return this.map.get(name) as Readonly<Record<string, unknown>> | undefined
  }

  /** A text, true when the option stood alone, or undefined. */
  textOrTrue(name: string): string | boolean | undefined {
    return this.map.get(name) as string | boolean | undefined
  }

  /** An option that the command cannot do without. Throws UsageError. */
  needed(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new UsageError(`--${name} is missing`, 'See --help for an example')
    return value
  }

  /** Everything that was given, by snake_case name. */
  given(): Record<string, Value> {
    return Object.fromEntries([...this.map].map(([name, value]) => [name.replaceAll('-', '_'), value]))
  }
}

/** An object without its undefined entries. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
