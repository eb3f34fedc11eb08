/** Tokens as the text that a reader sees: whole characters, and nothing from a stop string on. */
import type { Detokenizer, Tokenizer } from '@espalier/data'
import { StopScanner } from './stop-strings.js'

/** The text of one sequence, token by token. */
export class TextWriter {
  private readonly detokenizer: Detokenizer
  private readonly scanner: StopScanner

  constructor(tokenizer: Tokenizer, stops: readonly string[]) {
    this.detokenizer = tokenizer.detokenizer({ skipSpecialTokens: true })
    this.scanner = new StopScanner(stops)
  }

  /** Whether a stop string was found. */
  get stopped(): boolean {
    return this.scanner.stopped
  }

  /** The text that can be shown with one more token. */
  push(token: number): string {
    return this.scanner.push(this.detokenizer.push(token))
  }

  /** What is left at the end. */
  end(): string {
    return this.scanner.push(this.detokenizer.end()) + this.scanner.flush()
  }
}
