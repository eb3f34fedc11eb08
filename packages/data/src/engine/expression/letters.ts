/** Single characters as the inside of a class of JavaScript. */
import { refuse } from './refuse.js'

/** A character inside a class of JavaScript. */
export function escapeInClass(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`
}

/** A character in both cases, as the inside of a class. */
export function foldedClass(source: string, character: string): string {
  if (!/[a-zA-Z]/.test(character)) {
    if (character.toLowerCase() === character.toUpperCase()) return escapeInClass(character)
    throw refuse(source, `(?i) over "${character}" is not known`)
  }
  const [low, high] = [character.toLowerCase(), character.toUpperCase()]
  const others: Record<string, string> = { s: '\\u{17f}', k: '\\u{212a}' }
  return `${low}${high}${others[low] ?? ''}`
}
