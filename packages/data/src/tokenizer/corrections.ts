/**
 * Makes `@huggingface/tokenizers` 0.2.0 agree with the Rust library where measurement shows that it does not: Chinese characters
 * outside the basic plane, and the two decoders that turn bytes into text. Each correction replaces one method of one object that the
 * engine made; the engine itself is not touched.
 */
import {
  BertNormalizer,
  ByteFallbackDecoder,
  ByteLevelDecoder,
  type Tokenizer as Engine,
  SequenceDecoder,
  SequenceNormalizer,
} from '@huggingface/tokenizers'
import { byteOfCharacter } from './byte-alphabet.js'

/** Corrects one engine in place. */
export function correctEngine(engine: Engine): void {
  if (engine.normalizer !== null) correctNormalizer(engine.normalizer)
  if (engine.decoder !== null) correctDecoder(engine.decoder)
}

function correctNormalizer(normalizer: unknown): void {
  if (normalizer instanceof SequenceNormalizer) for (const part of normalizer.normalizers) correctNormalizer(part)
  if (normalizer instanceof BertNormalizer) Object.assign(normalizer, { tokenize_chinese_chars: spaceAroundChinese })
}

function correctDecoder(decoder: unknown): void {
  if (decoder instanceof SequenceDecoder) for (const part of decoder.decoders) correctDecoder(part)
  if (decoder instanceof ByteFallbackDecoder) Object.assign(decoder, { decode_chain: decodeByteFallback })
  if (decoder instanceof ByteLevelDecoder) Object.assign(decoder, { decode_chain: decodeByteLevel })
}

// The ranges of BERT's own tokenizer; the engine looks at UTF-16 units, so it sees none above U+FFFF.
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu

function spaceAroundChinese(text: string): string {
  return text.replace(CHINESE, ' $& ')
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/

/** Runs of `<0xNN>` become their text; a run that is not UTF-8 becomes one replacement character a byte, as in Rust. A byte-order mark stays. */
function decodeByteFallback(tokens: string[]): string[] {
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
function decodeByteLevel(tokens: string[]): string[] {
  const bytes: number[] = []
  const encoder = new TextEncoder()
  for (const token of tokens) {
    const mapped = Array.from(token, (character) => byteOfCharacter.get(character))
    if (mapped.every((byte) => byte !== undefined)) for (const byte of mapped) bytes.push(byte)
    else for (const byte of encoder.encode(token)) bytes.push(byte)
  }
  return [new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))]
}
