/** The normalizers of tokenizer.json: what is done to a text before it is split. */
import { asArray, asString, type JsonObject } from '../tokenizer/json-value.js'
import { bertMarks, cleaned, lowerCase, marks, normalForm, SPACES, spellBytes, whiteSpace } from './characters.js'
import { componentAt, FILE, flagAt, patternAt, replacer, unknownComponent } from './component.js'
import { parseCharsmap } from './precompiled.js'

/** A text, normalized. */
export type Normalize = (text: string) => string

const PLACE = 'normalizer'

/** The normalizers that an entry describes, one after the other. Throws config.unsupported naming one that is not known. */
export function parseNormalizers(value: unknown, depth = 0): readonly Normalize[] {
  if (value === null || value === undefined) return []
  const config = componentAt(PLACE, value, depth)
  if (config.type !== 'Sequence') return [parseOne(config)]
  return asArray(FILE, `${PLACE}.normalizers`, config.normalizers).flatMap((part) => parseNormalizers(part, depth + 1))
}

function parseOne(config: JsonObject): Normalize {
  const { type } = config
  switch (type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => normalForm(text, type)
    case 'Lowercase':
      return lowerCase
    case 'StripAccents':
      return (text) => text.replace(marks(), '')
    case 'Strip':
      return parseStrip(config)
    case 'BertNormalizer':
      return parseBert(config)
    case 'Nmt':
      return normalizeNmt
    case 'Precompiled':
      return parseCharsmap(asString(FILE, `${PLACE}.precompiled_charsmap`, config.precompiled_charsmap))
    case 'Replace': {
      const content = asString(FILE, `${PLACE}.content`, config.content)
      return replacer(PLACE, patternAt(PLACE, config.pattern), content)
    }
    case 'Prepend': {
      const start = asString(FILE, `${PLACE}.prepend`, config.prepend)
      return (text) => (text === '' ? text : start + text)
    }
    case 'ByteLevel':
      return spellBytes
    default:
      throw unknownComponent(PLACE, type)
  }
}

function parseStrip(config: JsonObject): Normalize {
  const left = flagAt(config, PLACE, 'strip_left', true)
  const right = flagAt(config, PLACE, 'strip_right', true)
  const start = new RegExp(`^[${SPACES}]+`)
  return (text) => {
    const rest = left ? text.replace(start, '') : text
    return right ? trimEnd(rest) : rest
  }
}

const isSpace = new RegExp(`[${SPACES}]`)

function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && isSpace.test(text[end - 1] as string)) end -= 1
  return text.slice(0, end)
}

function parseBert(config: JsonObject): Normalize {
  const cleans = flagAt(config, PLACE, 'clean_text', true)
  const spaces = flagAt(config, PLACE, 'handle_chinese_chars', true)
  const lowers = flagAt(config, PLACE, 'lowercase', true)
  const strips = flagAt(config, PLACE, 'strip_accents', lowers)
  return (text) => {
    let result = text
    if (cleans) result = result.replace(cleaned(), '').replace(whiteSpace(), ' ')
    if (spaces) result = result.replace(CHINESE, ' $& ')
    if (strips) result = normalForm(result, 'NFD').replace(bertMarks(), '')
    return lowers ? lowerCase(result) : result
  }
}

// The ranges of BERT's own tokenizer.
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu

// biome-ignore lint/suspicious/noControlCharactersInRegex: these controls are what SentencePiece's rule removes
const NMT_REMOVED = /[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g

function normalizeNmt(text: string): string {
  return text.replace(NMT_REMOVED, '').replace(NMT_SPACES, ' ')
}
