/**
 * Regular expressions as PEFT's configs hold them: Python syntax, matched against whole paths. They come from strangers' files, so
 * they are never given to RegExp, which a pattern as `(a+)+!` keeps busy for years; regex/ matches them in bounded time.
 */
import { EspalierError } from '../errors.js'
import { programOf } from './regex/program.js'
import { readPattern } from './regex/read-pattern.js'
import { runProgram } from './regex/run-program.js'
import type { Part } from './regex/syntax.js'

/** Tells whether a path matches. */
export interface PathPattern {
  /** Whether the path matches. Throws config.value when the pattern takes too many steps, which only references and long patterns can. */
  test(path: string): boolean
}

/** Tells the number of the layer that a path lies in. */
export interface LayerPattern {
  /** The layer's number; undefined when the path does not match. Throws config.value as `test` does. */
  layerIndex(path: string): number | undefined
}

/** A Python pattern for the whole text: `re.fullmatch`. Throws config.value for what Python refuses, and for what is not supported. */
export function fullMatch(pattern: string): PathPattern {
  return kept(`whole ${pattern}`, () => pathPattern(pattern, (part) => [part, { kind: 'at', place: 'very-end' }]))
}

/** PEFT's rule for keys of rank_pattern and alpha_pattern: `(.*\.)?(KEY)$`, from the start of the path. */
export function patternKeyMatch(pattern: string): PathPattern {
  const above: Part = { kind: 'sequence', parts: [ANYTHING, DOT] }
  const before: Part = { kind: 'repeat', body: above, least: 0, most: 1, lazy: false }
  return kept(`end ${pattern}`, () => pathPattern(pattern, (part) => [before, part, { kind: 'at', place: 'end' }]))
}

/** PEFT's rule for layers_pattern: `(?:^|.*?\.)PATTERN\.(digits)\.` from the start of the path. */
export function layerPattern(pattern: string): LayerPattern {
  const read = readPattern(pattern)
  const index = read.groups + 1
  const before: Part = { kind: 'choice', options: [NOTHING, { kind: 'sequence', parts: [ANYTHING, DOT] }] }
  const digits: Part = { kind: 'repeat', body: DIGIT, least: 1, most: Number.POSITIVE_INFINITY, lazy: false }
  const parts: Part[] = [before, read.part, DOT, { kind: 'group', index, body: digits }, DOT]
  const program = programOf({ ...read, part: { kind: 'sequence', parts }, groups: index }, index)
  return {
    layerIndex(path) {
      const slots = runProgram(program, path)
      return slots === undefined
        ? undefined
        : Number(
            Array.from(path)
              .slice(slots[2 * index], slots[2 * index + 1])
              .join(''),
          )
    },
  }
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

const DOT: Part = { kind: 'set', has: (code) => code === 46 }
const DIGIT: Part = { kind: 'set', has: (code) => code >= 48 && code <= 57 }
const NOTHING: Part = { kind: 'sequence', parts: [] }
const ANYTHING: Part = {
  kind: 'repeat',
  body: { kind: 'set', has: (code) => code !== 10 },
  least: 0,
  most: Number.POSITIVE_INFINITY,
  lazy: true,
}

const MOST_KEPT = 1024 // rank_pattern may have a key for every layer

/** Patterns that were read last: each is asked about every module of a model. */
const lastRead = new Map<string, PathPattern>()

function kept(key: string, read: () => PathPattern): PathPattern {
  const found = lastRead.get(key) ?? read()
  lastRead.delete(key)
  lastRead.set(key, found)
  if (lastRead.size > MOST_KEPT) for (const oldest of [...lastRead.keys()].slice(0, 1)) lastRead.delete(oldest)
  return found
}

function pathPattern(pattern: string, around: (part: Part) => readonly Part[]): PathPattern {
  const read = readPattern(pattern)
  const program = programOf({ ...read, part: { kind: 'sequence', parts: around(read.part) } })
  return { test: (path) => runProgram(program, path) !== undefined }
}
