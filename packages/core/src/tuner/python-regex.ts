/** Regular expressions as PEFT's configs hold them: Python syntax, matched against whole paths. */
import { EspalierError } from '../errors.js'

/** A Python pattern as a RegExp over the whole text. Throws config.value when JavaScript cannot express it. */
export function fullMatch(pattern: string): RegExp {
  return compile(`^(?:${translate(pattern)})$`, pattern)
}

/** PEFT's rule for keys of rank_pattern and alpha_pattern: `(.*\.)?(KEY)$`, from the start of the path. */
export function patternKeyMatch(pattern: string): RegExp {
  return compile(`^(?:.*\\.)?(?:${translate(pattern)})$`, pattern)
}

/** PEFT's rule for layers_pattern: `(?:^|.*?\.)PATTERN\.(digits)\.` from the start of the path; the digits are the group `index`. */
export function layerPattern(pattern: string): RegExp {
  return compile(`^(?:|.*?\\.)(?:${translate(pattern)})\\.(?<index>\\d+)\\.`, pattern)
}

/** A user's RegExp as a Python pattern, for the whole path. Throws config.value for flags and syntax that Python lacks. */
export function toPythonPattern(expression: RegExp): string {
  const foreign = expression.flags.replace(/[ui]/g, '')
  if (foreign !== '' || FOREIGN.test(expression.source)) {
    throw new EspalierError('config.value', {
      what: 'Python cannot express this regular expression',
      got: { expression: String(expression) },
      fix: 'Use plain syntax and no flags but i',
    })
  }
  const source = expression.source.replace(/\\[\s\S]|\(\?<(?=[A-Za-z_])/g, (part) =>
    part === '(?<' ? '(?P<' : part === '\\/' ? '/' : part,
  )
  return `${expression.flags.includes('i') ? '(?i)' : ''}${source}`
}

// JavaScript's own: \p{..}, \u{..}, \cX, \k<..>, lookbehind of varying length, set notation.
const FOREIGN = /\\[pP]\{|\\u\{|\\k<|\\c[A-Za-z]|\(\?<[=!][^)]*[*+{]|\[[^\]]*--/

function compile(source: string, pattern: string): RegExp {
  const flags = /^\(\?i\)/.test(pattern) ? 'i' : ''
  try {
    return new RegExp(source, flags)
  } catch (cause) {
    throw new EspalierError('config.value', {
      what: 'this pattern is not a regular expression that can be used here',
      got: { pattern },
      fix: 'Simplify it',
      cause,
    })
  }
}

// What the two dialects write differently; escapes are passed over, so that `\\A` stays a backslash and an A.
const DIALECT = /\\[\s\S]|\(\?P<|\(\?P=(\w+)\)|\{,(\d+)\}|\[\^?\]/g

function translate(pattern: string): string {
  return pattern.replace(/^\(\?i\)/, '').replace(DIALECT, (part, name?: string, most?: string) => {
    if (part === '\\A') return '^'
    if (part === '\\Z') return '$'
    if (part === '(?P<') return '(?<'
    if (name !== undefined) return `\\k<${name}>`
    if (most !== undefined) return `{0,${most}}`
    return part.startsWith('[') ? `${part.slice(0, -1)}\\]` : part // a ] that opens a class is meant
  })
}
