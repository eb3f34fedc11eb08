/**
 * Token ids to text, one at a time: what is given out is never taken back. It leaves decoding itself to the tokenizer.
 *
 * Text is held while it ends inside a UTF-8 character, in a run of byte tokens (a wrong byte behind them would change all of them) or,
 * where the tokenizer cleans up spaces, inside a pattern that cleaning could still change. Only the ids since the last text given out are decoded again, so the cost of a token does not grow.
 */

/** What decoding needs to know of a tokenizer. */
export interface StreamDecoding {
  readonly decode: (ids: readonly number[]) => string
  /** How many characters at the end of a text later tokens may change. */
  readonly heldLength: (text: string) => number
  /** Whether what an id adds is uncertain until the next one comes. */
  readonly isOpen: (id: number) => boolean
}

const REPLACEMENT = '\uFFFD'

/** Turns token ids into text as they come. */
export class Detokenizer {
  readonly #decoding: StreamDecoding
  readonly #isSkipped: (id: number) => boolean
  // #ids[0 .. #read) is text already given out, kept so that the rest is decoded after its true neighbour.
  #ids: number[] = []
  #read = 0
  // What of #ids[#read ..] was given out already.
  #given = 0

  constructor(decoding: StreamDecoding, isSkipped: (id: number) => boolean) {
    this.#decoding = decoding
    this.#isSkipped = isSkipped
  }

  /** The text that became certain with this id; empty while a character is incomplete. */
  push(id: number): string {
    if (this.#isSkipped(id)) return ''
    this.#ids.push(id)
    const text = this.#pending()
    if (text.endsWith(REPLACEMENT) || this.#decoding.isOpen(id)) return ''
    const certain = text.length - this.#decoding.heldLength(text)
    const part = text.slice(this.#given, Math.max(this.#given, certain))
    if (certain === text.length && text.length > 0) this.#advance()
    else this.#given += part.length
    return part
  }

  /** The rest of the text, incomplete characters as U+FFFD. The detokenizer can be used again afterwards, from an empty text. */
  end(): string {
    const part = this.#pending().slice(this.#given)
    this.#ids = []
    this.#read = 0
    this.#given = 0
    return part
  }

  #pending(): string {
    const before = this.#read === 0 ? '' : this.#decoding.decode(this.#ids.slice(0, this.#read))
    return this.#decoding.decode(this.#ids).slice(before.length)
  }

  #advance(): void {
    this.#ids = this.#ids.slice(this.#read)
    this.#read = this.#ids.length
    this.#given = 0
  }
}
