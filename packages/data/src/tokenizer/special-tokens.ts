/** The special tokens that have a name, and how files write a token. */
import { isObject } from './json-value.js'

/** Names of special tokens, as in `bos_token`. */
export const specialTokenNames = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const

/** Name of a special token. */
export type SpecialTokenName = (typeof specialTokenNames)[number]

/** How a token is matched, and whether it is special. */
export interface TokenFlags {
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  readonly special: boolean
}

/** A token that is matched before the model sees the text, without its id. */
export interface NewToken extends TokenFlags {
  readonly content: string
}

/** A token that is matched before the model sees the text. */
export interface AddedToken extends NewToken {
  readonly id: number
}

/** A special token that the files give by its text alone. */
export function specialToken(content: string): NewToken {
  return { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}

/** The text of a token that a file gives as a string or as an object with `content`. */
export function tokenContent(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return isObject(value) && typeof value.content === 'string' ? value.content : undefined
}
