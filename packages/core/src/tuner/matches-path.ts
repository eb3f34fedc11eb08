/** The rule by which names and patterns mean paths. */
import { fullMatch } from './python-regex.js'

/** Whether a path matches: a string is a pattern for the whole path; a list holds paths or their ends. */
export function matchesPath(path: string, names: readonly string[] | string): boolean {
  if (typeof names === 'string') return fullMatch(names).test(path)
  return names.some((name) => path === name || path.endsWith(`.${name}`))
}
