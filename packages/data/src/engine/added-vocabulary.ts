/** Finds added tokens in a text: the longest at the leftmost place, with the spaces and word edges that each of them asks for. */
import type { AddedToken } from '../tokenizer/special-tokens.js'
import { expression, SPACES, wordClass } from './characters.js'

/** A piece of a text: an added token's id, or text between. start: where it begins, UTF-16 units. */
export interface Section {
  readonly text: string
  readonly id: number | undefined
  readonly start: number
}

interface Node {
  readonly next: Map<number, Node>
  token: AddedToken | undefined
}

const makeNode = (): Node => ({ next: new Map(), token: undefined })

/** Added tokens by the texts that stand for them. */
export class AddedVocabulary {
  readonly #root = makeNode()

  /** spellings: what to look for, and the token it stands for; a later one of the same spelling wins. */
  constructor(spellings: Iterable<readonly [string, AddedToken]>) {
    for (const [spelling, token] of spellings) {
      if (spelling === '') continue
      let node = this.#root
      for (let at = 0; at < spelling.length; at++) {
        const unit = spelling.charCodeAt(at)
        const next = node.next.get(unit) ?? makeNode()
        node.next.set(unit, next)
        node = next
      }
      node.token = token
    }
  }

  /** The text in sections, none of them empty. */
  split(text: string): Section[] {
    const sections: Section[] = []
    let last = 0
    for (let at = 0; at < text.length; ) {
      const match = this.#longest(text, at)
      if (match === undefined) {
        at += 1
        continue
      }
      const { token, end: matchEnd } = match
      let [start, end] = [at, matchEnd]
      at = matchEnd
      if (token.single_word && isInsideWord(text, start, end)) continue
      if (token.lstrip) start = Math.max(spacesBefore(text, start), last)
      if (token.rstrip) end = spacesAfter(text, end)
      if (last < start) sections.push({ text: text.slice(last, start), id: undefined, start: last })
      // Where the token before took its spaces, nothing may be left of this one.
      if (start < end) sections.push({ text: text.slice(start, end), id: token.id, start })
      last = end
    }
    if (last < text.length) sections.push({ text: text.slice(last), id: undefined, start: last })
    return sections
  }

  #longest(text: string, start: number): { token: AddedToken; end: number } | undefined {
    let node: Node | undefined = this.#root
    let found: { token: AddedToken; end: number } | undefined
    for (let at = start; at < text.length; at++) {
      node = node.next.get(text.charCodeAt(at))
      if (node === undefined) break
      if (node.token !== undefined) found = { token: node.token, end: at + 1 }
    }
    return found
  }
}

function isInsideWord(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start)
  return (
    expression(`${wordClass}$`, 'v').test(before) || expression(`^${wordClass}`, 'v').test(text.slice(end, end + 2))
  )
}

const isSpace = new RegExp(`[${SPACES}]`)

function spacesBefore(text: string, end: number): number {
  let start = end
  while (start > 0 && isSpace.test(text[start - 1] as string)) start -= 1
  return start
}

function spacesAfter(text: string, start: number): number {
  let end = start
  while (end < text.length && isSpace.test(text[end] as string)) end += 1
  return end
}
