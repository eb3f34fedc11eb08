/** The decoders of tokenizer.json: how tokens become text again. */
import { asArray, asString, fileError, type JsonObject } from '../tokenizer/json-value.js'
import { byteOfCharacter, utf8 } from './characters.js'
import { componentAt, countAt, FILE, flagAt, patternAt, replacer, unknownComponent } from './component.js'
import { prependScheme } from './pre-tokenizers.js'

/** What may still change at the end of a text when further tokens come. */
export type Holding =
  /** Nothing but an incomplete character. */
  | 'nothing'
  /** The run of byte tokens at the end: a wrong byte behind it changes all of it. */
  | 'byte runs'
  /** Anything: the text is certain at its end only. */
  | 'everything'

/** Tokens to pieces of text, which are joined. */
export interface Decoder {
  readonly decode: (tokens: readonly string[]) => readonly string[]
  readonly holding: Holding
}

const PLACE = 'decoder'

/** The decoder that an entry describes; null puts a space between tokens. Throws config.unsupported naming one that is not known. */
export function parseDecoder(value: unknown): Decoder {
  if (value === null || value === undefined) return { decode: (tokens) => [tokens.join(' ')], holding: 'nothing' }
  return parsed(value, { isWhole: false }, 0)
}

/** isWhole: whether an earlier step has made one text of all tokens. */
function parsed(value: unknown, state: { isWhole: boolean }, depth: number): Decoder {
  const config = componentAt(PLACE, value, depth)
  const each = (change: (token: string, index: number) => string, holding: Holding = 'nothing'): Decoder => ({
    decode: (tokens) => tokens.map(change),
    holding,
  })
  switch (config.type) {
    case 'Sequence': {
      const parts = asArray(FILE, `${PLACE}.decoders`, config.decoders).map((part) => parsed(part, state, depth + 1))
      const holdings = parts.map((part) => part.holding)
      const holding = (['everything', 'byte runs'] as const).find((kind) => holdings.includes(kind)) ?? 'nothing'
      return { decode: (tokens) => parts.reduce((result, part) => part.decode(result), tokens), holding }
    }
    case 'ByteLevel':
      state.isWhole = true
      return { decode: (tokens) => [decodeBytes(tokens)], holding: 'nothing' }
    case 'ByteFallback':
      return { decode: decodeByteFallback, holding: 'byte runs' }
    case 'Fuse':
      state.isWhole = true
      return { decode: (tokens) => [tokens.join('')], holding: 'nothing' }
    case 'Metaspace': {
      const replacement = asString(FILE, `${PLACE}.replacement`, config.replacement)
      const drops = prependScheme(PLACE, config) !== 'never'
      return each((token, index) => token.replaceAll(replacement, index === 0 && drops ? '' : ' '))
    }
    case 'Replace': {
      const change = replacer(
        PLACE,
        patternAt(PLACE, config.pattern),
        asString(FILE, `${PLACE}.content`, config.content),
      )
      const { String: text } = (typeof config.pattern === 'object' ? config.pattern : {}) as { String?: unknown }
      const isCharacter = typeof text === 'string' && Array.from(text).length === 1
      return each(change, state.isWhole && !isCharacter ? 'everything' : 'nothing')
    }
    case 'Strip':
      return parseStrip(config, state.isWhole)
    case 'WordPiece': {
      const prefix = asString(FILE, `${PLACE}.prefix`, config.prefix ?? '##')
      const cleans = flagAt(config, PLACE, 'cleanup', true)
      return each((token, index) => {
        const joined = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
        const text = index === 0 ? token : joined
        return cleans ? cleanUpToken(text) : text
      })
    }
    case 'BPEDecoder': {
      const suffix = asString(FILE, `${PLACE}.suffix`, config.suffix ?? '</w>')
      return {
        decode: (tokens) =>
          tokens.map((token, index) => token.replaceAll(suffix, index === tokens.length - 1 ? '' : ' ')),
        holding: 'nothing',
      }
    }
    case 'CTC':
      return parseCtc(config)
    default:
      throw unknownComponent(PLACE, config.type)
  }
}

function parseStrip(config: JsonObject, isWhole: boolean): Decoder {
  const content = asString(FILE, `${PLACE}.content`, config.content)
  const [start, stop] = [countAt(config, PLACE, 'start'), countAt(config, PLACE, 'stop')]
  if (Array.from(content).length !== 1)
    throw fileError(FILE, 'what Strip removes is one character', { place: PLACE, content })
  const strip = (token: string): string => {
    const characters = Array.from(token)
    let [first, last] = [0, characters.length]
    while (first < Math.min(start, characters.length) && characters[first] === content) first += 1
    while (characters.length - last < stop && last > first && characters[last - 1] === content) last -= 1
    return characters.slice(first, last).join('')
  }
  return {
    decode: (tokens) => tokens.map(strip),
    holding: isWhole && (start > 1 || stop > 0) ? 'everything' : 'nothing',
  }
}

function parseCtc(config: JsonObject): Decoder {
  const pad = asString(FILE, `${PLACE}.pad_token`, config.pad_token ?? '<pad>')
  const delimiter = asString(FILE, `${PLACE}.word_delimiter_token`, config.word_delimiter_token ?? '|')
  const cleans = flagAt(config, PLACE, 'cleanup', true)
  const decode = (tokens: readonly string[]) =>
    tokens
      .filter((token, index) => token !== tokens[index - 1])
      .map((token) => token.replaceAll(pad, ''))
      .map((token) => (cleans ? cleanUpToken(token).replaceAll(delimiter, ' ') : token))
      .filter((token) => token !== '')
  return { decode, holding: 'nothing' }
}

const CLEANED: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

function cleanUpToken(token: string): string {
  return CLEANED.reduce((text, [from, to]) => text.replaceAll(from, to), token)
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/

/** Whether a token stands for one byte. */
export function isByteToken(token: string): boolean {
  return BYTE_TOKEN.test(token)
}

/** Runs of `<0xNN>` become their text; a run that is not UTF-8 becomes one replacement character a byte. A byte-order mark stays. */
function decodeByteFallback(tokens: readonly string[]): string[] {
  const result: string[] = []
  let run: number[] = []
  const endRun = () => {
    if (run.length > 0) result.push(decodeStrict(run) ?? '\uFFFD'.repeat(run.length))
    run = []
  }
  for (const token of tokens) {
    const byte = BYTE_TOKEN.exec(token)?.[1]
    if (byte !== undefined) run.push(Number.parseInt(byte, 16))
    else {
      endRun()
      result.push(token)
    }
  }
  endRun()
  return result
}

function decodeStrict(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    return undefined // not UTF-8: the caller shows replacement characters
  }
}

/** Every character of a token stands for a byte; a token with another character stands for its own UTF-8 bytes. */
function decodeBytes(tokens: readonly string[]): string {
  const bytes: number[] = []
  for (const token of tokens) {
    const mapped = Array.from(token, (character) => byteOfCharacter.get(character))
    if (mapped.every((byte) => byte !== undefined)) for (const byte of mapped) bytes.push(byte)
    else for (const byte of utf8(token)) bytes.push(byte)
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
}
