/**
 * JSON from files that nobody vouches for: as JSON.parse, but a key that occurs twice, too deep nesting and what Python's json adds
 * (NaN, Infinity) are refused, and objects can be had as maps, so that a key like `__proto__` is only a name.
 */
import { EspalierError } from '@espalier/core'

/** A parsed JSON value whose objects are maps. */
export type JsonNode = null | boolean | number | string | readonly JsonNode[] | ReadonlyMap<string, JsonNode>

const DEEPEST = 128 // levels; far above any real file, far below the call stack

/** A problem in JSON text: what, and at which character. */
export class JsonProblem extends Error {
  constructor(
    readonly reason: string,
    readonly position: number,
  ) {
    super(`${reason} at character ${position}`)
  }
}

/** Parses JSON text into nodes. Throws JsonProblem. */
export function parseJsonNodes(text: string): JsonNode {
  return new Parser(text).document()
}

/** Parses JSON text of a named file into plain data with null-prototype objects. Throws file.json. */
export function parseJson(text: string, file: string): unknown {
  try {
    return plain(parseJsonNodes(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text))
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause
    const line = text.slice(0, cause.position).split('\n').length
    throw new EspalierError('file.json', {
      what: `a JSON file cannot be read: ${cause.reason}`,
      got: { file, line },
      fix: 'Correct that line, or download the file again.',
      cause,
    })
  }
}

/** Nodes as plain data: arrays, and objects in which every key, `__proto__` too, is an own property. */
export function plain(node: JsonNode): unknown {
  if (node instanceof Map) {
    const object: Record<string, unknown> = {}
    for (const [key, value] of node as ReadonlyMap<string, JsonNode>) {
      Object.defineProperty(object, key, { value: plain(value), enumerable: true, writable: true, configurable: true })
    }
    return object
  }
  return Array.isArray(node) ? node.map(plain) : node
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y

class Parser {
  private at = 0

  constructor(private readonly text: string) {}

  document(): JsonNode {
    const value = this.value(0)
    this.space()
    if (this.at < this.text.length) throw new JsonProblem('more text after the value', this.at)
    return value
  }

  private value(depth: number): JsonNode {
    if (depth > DEEPEST) throw new JsonProblem('nested too deeply', this.at)
    this.space()
    const char = this.text[this.at]
    if (char === '{') return this.object(depth)
    if (char === '[') return this.array(depth)
    if (char === '"') return this.string()
    if (this.text.startsWith('true', this.at)) return this.word('true', true)
    if (this.text.startsWith('false', this.at)) return this.word('false', false)
    if (this.text.startsWith('null', this.at)) return this.word('null', null)
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)
    if (match === null)
      throw new JsonProblem(
        char === undefined ? 'the text ends too early' : `no value begins with ${JSON.stringify(char)}`,
        this.at,
      )
    this.at += match[0].length
    return Number(match[0])
  }

  private object(depth: number): JsonNode {
    const entries = new Map<string, JsonNode>()
    this.at += 1
    this.space()
    if (this.take('}')) return entries
    do {
      this.space()
      const start = this.at
      if (this.text[start] !== '"') throw new JsonProblem('a key is expected', start)
      const key = this.string()
      if (entries.has(key)) throw new JsonProblem(`the key ${JSON.stringify(key)} occurs twice`, start)
      this.space()
      if (!this.take(':')) throw new JsonProblem('a colon is expected', this.at)
      entries.set(key, this.value(depth + 1))
      this.space()
    } while (this.take(','))
    if (!this.take('}')) throw new JsonProblem('a comma or } is expected', this.at)
    return entries
  }

  private array(depth: number): JsonNode {
    const items: JsonNode[] = []
    this.at += 1
    this.space()
    if (this.take(']')) return items
    do {
      items.push(this.value(depth + 1))
      this.space()
    } while (this.take(','))
    if (!this.take(']')) throw new JsonProblem('a comma or ] is expected', this.at)
    return items
  }

  private string(): string {
    const start = this.at
    let end = start + 1
    let escaped = false
    for (; end < this.text.length; end++) {
      const code = this.text.charCodeAt(end)
      if (code === 0x22) break
      if (code === 0x5c) {
        escaped = true
        end += 1
      } else if (code < 0x20) throw new JsonProblem('a control character in a string', end)
    }
    if (end >= this.text.length) throw new JsonProblem('a string does not end', start)
    this.at = end + 1
    if (!escaped) return this.text.slice(start + 1, end)
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string
    } catch {
      throw new JsonProblem('a string has a wrong escape', start)
    }
  }

  private word<T>(word: string, value: T): T {
    this.at += word.length
    return value
  }

  private take(char: string): boolean {
    if (this.text[this.at] !== char) return false
    this.at += 1
    return true
  }

  private space(): void {
    SPACE.lastIndex = this.at
    SPACE.exec(this.text)
    this.at = SPACE.lastIndex
  }
}
