/** How the command line ends: what it prints for an error, and with which code. */
import { EspalierError, errorCodes } from '@espalier/core'
import { options } from './options.js'

/** Wrong usage: exit code 2. */
export class UsageError extends Error {
  constructor(
    what: string,
    readonly fix?: string,
  ) {
    super(what)
    this.name = 'UsageError'
  }
}

/** Exit codes that are promised. */
export const exitCodes = { done: 0, failed: 1, usage: 2, hungUp: 129, interrupted: 130, terminated: 143 } as const

// What has no code of its own is nothing that a user could mend.
const DEFECT = 'This is a defect of Espalier. Please report it, with what ESPALIER_DEBUG=1 prints'

const names = new Set(options.map(({ name }) => name))

/** The option that sets an argument of the program: loraAlpha -> --lora-alpha, r -> --lora-r. */
export function optionFor(argument: string): string | undefined {
  const dashed = argument.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const known = [dashed, `lora-${dashed}`].find((name) => names.has(name))
  return known === undefined ? undefined : `--${known}`
}

/** Names of the program's arguments as those of the command line; details that are null say nothing here. */
export function asOptions(text: string): string {
  return text
    .replace(/ ?\(\w+=null\)|\b\w+=null, |, \w+=null(?=\))/g, '')
    .replace(/(?<![\w/."'-])[a-z]+(?:[A-Z][a-z0-9]*)+(?![\w/"'(-]|\.\w)/g, (word) => optionFor(word) ?? word)
}

/** Lines for an error, and the exit code. A stack only when ESPALIER_DEBUG is set. */
export function describeFailure(error: unknown): { readonly lines: readonly string[]; readonly code: number } {
  const debug =
    process.env.ESPALIER_DEBUG !== undefined && process.env.ESPALIER_DEBUG !== '' && error instanceof Error
      ? [error.stack ?? '']
      : []
  if (error instanceof UsageError)
    return {
      lines: [`error: ${error.message}`, ...(error.fix === undefined ? [] : [error.fix]), ...debug],
      code: exitCodes.usage,
    }
  if (EspalierError.isInstance(error)) {
    const fix = error.fix ?? errorCodes[error.code]?.remedy ?? DEFECT
    const text = error.message.endsWith(fix) ? error.message.slice(0, -fix.length).trim() : error.message
    return {
      lines: [`error: ${asOptions(text)}`, asOptions(fix), `code: ${error.code}`, ...debug],
      code: exitCodes.failed,
    }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return {
    lines: [`error: ${reason}`, DEFECT, 'code: internal', ...debug],
    code: exitCodes.failed,
  }
}
