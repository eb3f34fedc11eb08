/**
 * SentencePiece's precompiled map of characters: a double-array trie of UTF-8 keys, then the texts they become, each ended by a zero. The
 * Rust library takes the shortest key that begins a grapheme, and so does this.
 */
import { fileError } from '../tokenizer/json-value.js'
import { utf8 } from './characters.js'
import { FILE } from './component.js'

/** Longest grapheme that is looked up whole, in bytes. */
const LONGEST = 6

/** The map as a normalizer. charsmap: base64. Throws tokenizer.file when it is broken. */
export function parseCharsmap(charsmap: string): (text: string) => string {
  const bytes = decodeBase64(charsmap)
  const view = new DataView(bytes.buffer)
  const size = bytes.length >= 4 ? view.getUint32(0, true) : 0
  if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) throw broken('its trie does not fit into it')
  const units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true))
  const replacements = bytes.subarray(4 + size)
  const known = new Map<string, string | undefined>()
  const find = (chunk: string): string | undefined => {
    if (known.has(chunk)) return known.get(chunk)
    const at = shortestKey(units, utf8(chunk))
    const found = at === undefined ? undefined : textAt(replacements, at)
    known.set(chunk, found)
    return found
  }
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
  return (text) => {
    let result = ''
    for (const { segment } of graphemes.segment(text)) {
      const whole = utf8(segment).length < LONGEST ? find(segment) : undefined
      if (whole !== undefined) result += whole
      else for (const character of segment) result += find(character) ?? character
    }
    return result
  }
}

function shortestKey(units: Uint32Array, key: Uint8Array): number | undefined {
  let unit = units[0] as number
  let node = offsetOf(unit)
  for (const byte of key) {
    if (byte === 0) return undefined
    node ^= byte
    unit = units[node] ?? 0
    if ((unit & 0x800000ff) >>> 0 !== byte) return undefined
    node ^= offsetOf(unit)
    if (((unit >>> 8) & 1) === 1) return (units[node] ?? 0) & 0x7fffffff
  }
  return undefined
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 512) >>> 6)
}

function textAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start)
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end < 0 ? bytes.length : end))
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    throw broken('it is not base64')
  }
}

function broken(reason: string): Error {
  return fileError(FILE, 'the precompiled_charsmap cannot be read', { place: 'normalizer', reason })
}
