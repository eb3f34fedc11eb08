/** What an option of the command line is. The options themselves are in options.ts and python-options.ts. */

/** What a value must be. `texts` takes several words, `each` one of them every time it is given; `list` takes spaces or commas; `text-or-true` may stand alone; a `record` is a mapping of the config file, or JSON. */
export type OptionType =
  | 'text'
  | 'texts'
  | 'each'
  | 'number'
  | 'whole'
  | 'boolean'
  | 'list'
  | 'texts-or-text'
  | 'text-or-true'
  | 'record'

/** Limits of a number: `least` and `most` belong to it, `above` and `below` do not. */
export interface Range {
  readonly least?: number
  readonly above?: number
  readonly most?: number
  readonly below?: number
}

/** One option. `python`: what TRL, transformers or PEFT take when it is left out, and why we differ; `elsewhere`: what transformers takes where TRL's SFTTrainer does not train, if another value, null if ours. */
export interface Option {
  readonly name: string
  readonly type: OptionType
  readonly help: string
  readonly commands: readonly string[]
  readonly choices?: readonly string[]
  /** Whether a text may be empty: of a path or a name that means a variable of the shell that is not set. Default false. */
  readonly mayBeEmpty?: boolean
  readonly default?: string
  /** What a number must lie within; whole numbers are at least 1 unless this says otherwise. */
  readonly range?: Range
  readonly python?: { readonly value: string; readonly why: string; readonly elsewhere?: string | null }
  /** Other spellings, in snake_case: TRL's own. */
  readonly aliases?: readonly string[]
  /** Not there yet: using it ends with 2 and this reason. What turns it off (false, 0, no, none) is fine, and so is `neutral`. */
  readonly planned?: string
  readonly neutral?: readonly string[]
  /** One of Python's that means nothing here: said once, then left. With `planned`, so in a file, while the flag itself is refused. */
  readonly noEffect?: string
}

/** An option from its parts. */
export const flag = (
  name: string,
  type: OptionType,
  commands: readonly string[],
  help: string,
  more: Partial<Option> = {},
): Option => ({ name, type, commands, help, ...more })

/** What Python takes when an option is left out, in words. */
export function pythonValue({ python, default: here = 'none' }: Pick<Option, 'python' | 'default'>): string {
  if (python?.elsewhere === undefined) return python?.value ?? here
  return `${python.value} (${python.elsewhere ?? here} without SFTTrainer)`
}

/** Limits in words: "above 0 and at most 1"; empty where there are none. */
export function rangeText({ least, above, most, below }: Range): string {
  const limits = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ]
  return limits.join(' and ')
}
