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

/** A user's RegExp as a Python pattern. Throws config.value for flags and syntax that Python lacks. */
export function toPythonPattern(expression: RegExp): string {
  const foreign = expression.flags.replace(/[ui]/g, '')
  if (foreign !== '' || /\\[pP]\{|\\[dkuc]\{|\\k<|\(\?<[=!].*[*+{]|\[[^\]]*--|\\c[A-Z]/.test(expression.source)) {
    throw new EspalierError('config.value', {
      what: 'Python cannot express this regular expression',
      got: { expression: String(expression) },
      fix: 'Use plain syntax and no flags but i',
    })
  }
  return `${expression.flags.includes('i') ? '(?i)' : ''}${expression.source.replace(/\(\?<(?=[A-Za-z_])/g, '(?P<').replace(/\\\//g, '/')}`
}

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

function translate(pattern: string): string {
  return pattern
    .replace(/^\(\?i\)/, '')
    .replace(/\(\?P</g, '(?<')
    .replace(/\(\?P=(\w+)\)/g, '\\k<$1>')
    .replace(/\\A/g, '^')
    .replace(/\\Z/g, '$')
}
