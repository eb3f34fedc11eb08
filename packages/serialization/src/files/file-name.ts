/**
 * The rule for names of files that come from outside (an index, a hub listing, a caller): relative, and inside their folder on every
 * operating system.
 */
import { EspalierError } from '@espalier/core'

/** The name itself when it stays inside its folder. Throws file.name for absolute names, `..`, backslashes, drive letters and the like. */
export function checkFileName(name: string): string {
  const reason = nameProblem(name)
  if (reason !== undefined) {
    throw new EspalierError('file.name', {
      what: `a file name ${reason}`,
      got: { name },
      fix: 'Names are relative to their folder, with / between parts.',
    })
  }
  return name
}

/** What is wrong with a name as words that follow "a file name", or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f]/.test(name)) return 'holds a control character'
  if (name.includes('\\')) return 'holds a backslash'
  if (name.startsWith('/')) return 'is absolute'
  const parts = name.split('/')
  if (parts.some((part) => /^[a-zA-Z]:/.test(part))) return 'holds a drive letter'
  if (parts.includes('..')) return 'leaves its folder'
  if (parts.some((part) => part === '' || part === '.')) return 'has an empty part'
  return undefined
}
