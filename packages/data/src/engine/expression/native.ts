/** Expressions of published tokenizers, which JavaScript's own engine runs: they are known to end, and it is several times faster. */
import type { Part, Place } from './syntax.js'

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const ending = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const cased = `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${CONTRACTIONS}?|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${CONTRACTIONS}?`

/** GPT-2's expression, which the ByteLevel pre-tokenizer uses. */
export const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
/** Qwen 2's. */
export const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${ending}`
/** Qwen 3.5's. */
export const QWEN3_5 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
/** CLIP's. */
export const CLIP =
  "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"

const published: ReadonlySet<string> = new Set([
  GPT2,
  QWEN2,
  QWEN3_5,
  CLIP,
  // Llama 3, GPT-4, Phi-4
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${ending}`,
  // gpt-oss, GPT-4o
  `${cased}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  // DeepSeek V3 and R1
  '\\p{N}{1,3}',
  '[一-龥\u3040-ゟ゠-ヿ]+',
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  // BLOOM
  ' ?[^(\\s|[.,!?…。，、।۔،])]+',
])

/** Whether JavaScript's engine may run this expression. */
export function isPublished(source: string): boolean {
  return published.has(source)
}

/** The parts as an expression of JavaScript, flags gv. Only for published expressions: places and possessive parts are not written. */
export function nativeSource(part: Part): string {
  switch (part.kind) {
    case 'set':
      return part.source
    case 'sequence':
      return part.parts.map(nativeSource).join('')
    case 'choice':
      return `(?:${part.options.map(nativeSource).join('|')})`
    case 'repeat': {
      const most = Number.isFinite(part.max) ? String(part.max) : ''
      return `(?:${nativeSource(part.part)}){${part.min},${most}}${part.mode === 'lazy' ? '?' : ''}`
    }
    case 'look':
      return `(?${part.behind ? '<' : ''}${part.negative ? '!' : '='}${nativeSource(part.part)})`
    case 'atomic':
      return nativeSource(part.part)
    case 'place':
      return placeSource(part.at)
  }
}

function placeSource(place: Place): string {
  return place === 'text start' ? '^' : '$'
}
