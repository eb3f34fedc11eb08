/** Which layers `llm_int8_skip_modules` names: transformers' rule. */
import { fullMatch } from '@espalier/core'

/**
 * Whether a module of this path stays floats: a name is a regular expression that the path begins with, or text that it ends in. Throws
 * config.value for a pattern that Python refuses. Source: should_convert_module of transformers 5.
 */
export function isSkipped(path: string, names: readonly string[]): boolean {
  return names.some((name) => path.endsWith(name) || fullMatch(`(?:${name}).*`).test(path))
}
