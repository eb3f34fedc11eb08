/** The pre-tokenizers of tokenizer.json: how a normalized text is cut before the model sees it. */
import { asArray, asString, fileError, type JsonObject } from '../tokenizer/json-value.js'
import { numbers, punctuation, spellBytes, whiteSpace, words } from './characters.js'
import { componentAt, countAt, FILE, flagAt, patternAt, unknownComponent } from './component.js'
import { type FindAll, findExpression, findNative, findText } from './expression/finder.js'
import { GPT2 } from './expression/native.js'
import { remember } from './remember.js'
import { parseBehavior, splitText } from './split-text.js'

/** A piece of a text. isFirst: it stands at the very beginning of what was given. */
export interface Piece {
  readonly text: string
  readonly isFirst: boolean
}

/** The pieces of a text, none empty. */
export type PreTokenize = (pieces: readonly Piece[]) => readonly Piece[]

const PLACE = 'pre_tokenizer'

/** The pre-tokenizer that an entry describes; null cuts nothing. Throws config.unsupported naming one that is not known. */
export function parsePreTokenizer(value: unknown, depth = 0): PreTokenize | undefined {
  if (value === null || value === undefined) return undefined
  const config = componentAt(PLACE, value, depth)
  switch (config.type) {
    case 'Sequence': {
      const parts = asArray(FILE, `${PLACE}.pretokenizers`, config.pretokenizers).map((part) =>
        parsePreTokenizer(part, depth + 1),
      )
      return (pieces) => parts.reduce((result, part) => part?.(result) ?? result, pieces)
    }
    case 'ByteLevel':
      return parseByteLevel(config)
    case 'Metaspace':
      return parseMetaspace(config)
    case 'Split': {
      const behavior = parseBehavior(PLACE, config.behavior)
      const find = patternAt(PLACE, config.pattern)
      const invert = flagAt(config, PLACE, 'invert', false)
      return cutting((text) => splitText(text, find, behavior, invert))
    }
    case 'Whitespace':
      return cutting((text) => splitText(text, found(words), 'Removed', true))
    case 'WhitespaceSplit':
      return cutting((text) => splitText(text, found(whiteSpace), 'Removed'))
    case 'BertPreTokenizer':
      return cutting((text) =>
        splitText(text, found(whiteSpace), 'Removed').flatMap((part) =>
          splitText(part, found(punctuation), 'Isolated'),
        ),
      )
    case 'Punctuation': {
      const behavior = parseBehavior(PLACE, config.behavior ?? 'Isolated')
      return cutting((text) => splitText(text, found(punctuation), behavior))
    }
    case 'Digits': {
      const behavior = flagAt(config, PLACE, 'individual_digits', false) ? 'Isolated' : 'Contiguous'
      return cutting((text) => splitText(text, found(numbers), behavior))
    }
    case 'CharDelimiterSplit': {
      const find = findText(asString(FILE, `${PLACE}.delimiter`, config.delimiter))
      return cutting((text) => splitText(text, find, 'Removed'))
    }
    case 'FixedLength': {
      const length = countAt(config, PLACE, 'length')
      return length === 0 ? undefined : cutting((text) => chunks(text, length))
    }
    default:
      throw unknownComponent(PLACE, config.type)
  }
}

const found =
  (expression: () => RegExp): FindAll =>
  (text) =>
    findNative(expression())(text)

function cutting(cut: (text: string) => readonly string[]): PreTokenize {
  return (pieces) => {
    const result: Piece[] = []
    for (const { text, isFirst } of pieces) {
      const parts = cut(text)
      const startsHere = isFirst && parts[0] !== undefined && text.startsWith(parts[0])
      parts.forEach((part, index) => {
        result.push({ text: part, isFirst: startsHere && index === 0 })
      })
    }
    return result
  }
}

function parseByteLevel(config: JsonObject): PreTokenize {
  const addsSpace = flagAt(config, PLACE, 'add_prefix_space', true)
  const find = flagAt(config, PLACE, 'use_regex', true) ? findExpression(GPT2) : undefined
  const spell = remember(spellBytes)
  return cutting((text) => {
    const spaced = addsSpace && !text.startsWith(' ') ? ` ${text}` : text
    return (find === undefined ? [spaced] : splitText(spaced, find, 'Isolated')).map(spell)
  })
}

/** How Metaspace decides about a space at the start. Shared with its decoder. */
export function prependScheme(place: string, config: JsonObject): 'always' | 'first' | 'never' {
  const { prepend_scheme: scheme, add_prefix_space: addsSpace } = config
  if (scheme === undefined || scheme === null) return addsSpace === false ? 'never' : 'always'
  if (scheme === 'always' || scheme === 'first' || scheme === 'never') {
    if (addsSpace !== false || scheme === 'never') return scheme
  }
  throw fileError(FILE, 'add_prefix_space and prepend_scheme do not agree', {
    place,
    scheme,
    addPrefixSpace: addsSpace,
  })
}

function parseMetaspace(config: JsonObject): PreTokenize {
  const replacement = asString(FILE, `${PLACE}.replacement`, config.replacement)
  const scheme = prependScheme(PLACE, config)
  const splits = flagAt(config, PLACE, 'split', true)
  const find = findText(replacement)
  return (pieces) =>
    pieces.flatMap(({ text, isFirst }) => {
      const replaced = text.replaceAll(' ', replacement)
      const prepends = scheme === 'always' || (scheme === 'first' && isFirst)
      const whole = prepends && !replaced.startsWith(replacement) ? replacement + replaced : replaced
      const parts = splits ? splitText(whole, find, 'MergedWithNext') : [whole]
      return parts.map((part, index) => ({ text: part, isFirst: isFirst && index === 0 }))
    })
}

function chunks(text: string, length: number): string[] {
  const characters = Array.from(text)
  const result: string[] = []
  for (let at = 0; at < characters.length; at += length) result.push(characters.slice(at, at + length).join(''))
  return result
}
