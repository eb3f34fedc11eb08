/** What a model of tokenizer.json gives: its vocabulary, and the ids of one piece of text. */
import { EspalierError } from '@espalier/core'
import { FILE } from './component.js'

/** A model made from its entry. */
export interface Model {
  /** Ids of a piece. Throws tokenizer.file for text that the model has no token for and no way around. */
  readonly encode: (piece: string) => readonly number[]
  readonly spelling: Spelling
}

/** How the tokens of a piece spell it. */
export interface Spelling {
  /** What tokens begin with that do not begin a piece. */
  readonly prefix: string
  /** What tokens end with that end a piece. */
  readonly suffix: string
  /** The token of what has none; undefined where there is no such token. */
  readonly unknown: string | undefined
  /** What that token stands for: one character, all characters up to one that has a token, or the whole piece. */
  readonly unknownSpan: 'character' | 'run' | 'piece'
}

/** Tokens that are the parts of a piece as they stand there. */
export const plainSpelling = { prefix: '', suffix: '' } as const

/** The error for text that no token stands for, where the Rust library raises too. */
export function noToken(piece: string, missing: string): EspalierError {
  return new EspalierError('tokenizer.file', {
    what: 'no token stands for a piece of the text, and the vocabulary has no unknown token',
    got: { file: FILE, piece: piece.slice(0, 40), unknownToken: missing },
    fix: 'Leave the text out, or use a tokenizer whose vocabulary has its unknown token.',
  })
}

/** Ids of the tokens `<0xNN>` of a text's bytes; undefined when one of them is not in the vocabulary. */
export function byteTokens(ids: ReadonlyMap<string, number>, bytes: Uint8Array): number[] | undefined {
  const found: number[] = []
  for (const byte of bytes) {
    const id = ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
    if (id === undefined) return undefined
    found.push(id)
  }
  return found
}
