/** What a model of tokenizer.json gives: its vocabulary, and the ids of one piece of text. */
import { EspalierError } from '@espalier/core'
import { FILE } from './component.js'

/** A model made from its entry. */
export interface Model {
  /** Ids of a piece. Throws tokenizer.file for text that the model has no token for and no way around. */
  readonly encode: (piece: string) => readonly number[]
}

/** Tokens by text, and the way back. */
export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>
}

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
