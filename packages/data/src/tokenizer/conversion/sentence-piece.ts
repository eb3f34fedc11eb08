/**
 * SentencePiece's model files, the parts that a tokenizer is made from. They are protocol buffers of unknown origin: every length is
 * checked against the bytes there are. Source: sentencepiece_model.proto.
 */
import { fileError } from '../json-value.js'

/** A piece: its text, its score (a log probability, or an order), and its kind. */
export interface Piece {
  readonly text: string
  readonly score: number
  readonly kind: number
}

/** Kinds of pieces that a text never splits. */
export const CONTROL = 3
export const USER_DEFINED = 4

/** What a model file says. */
export interface SentencePieceModel {
  readonly pieces: readonly Piece[]
  readonly isUnigram: boolean
  readonly byteFallback: boolean
  readonly ids: { readonly unk: number; readonly bos: number; readonly eos: number }
  readonly names: { readonly unk: string; readonly bos: string; readonly eos: string }
  /** SentencePiece's map of characters; empty where there is none. */
  readonly charsmap: Uint8Array
}

/** The model in a file. Throws tokenizer.file for bytes that are none. */
export function parseSentencePiece(file: string, bytes: Uint8Array): SentencePieceModel {
  const pieces: Piece[] = []
  const trainer = new Map<number, Value>()
  const normalizer = new Map<number, Value>()
  eachField(file, bytes, (field, value) => {
    if (field === PIECES) pieces.push(pieceOf(file, bytesIn(file, value)))
    if (field === TRAINER) eachField(file, bytesIn(file, value), (key, inner) => trainer.set(key, inner))
    if (field === NORMALIZER) eachField(file, bytesIn(file, value), (key, inner) => normalizer.set(key, inner))
  })
  if (pieces.length === 0) throw fileError(file, 'a SentencePiece model has no pieces', { byteLength: bytes.length })
  const number = (key: number, otherwise: number) => {
    const value = trainer.get(key) ?? otherwise
    if (typeof value !== 'number') throw unreadable(file, `field ${key} of its trainer is no number`)
    return value
  }
  const text = (key: number, otherwise: string) => {
    const value = trainer.get(key)
    return value === undefined ? otherwise : textOf(file, bytesIn(file, value))
  }
  const charsmap = normalizer.get(CHARSMAP)
  return {
    pieces,
    isUnigram: number(MODEL_TYPE, UNIGRAM) === UNIGRAM,
    byteFallback: number(BYTE_FALLBACK, 0) !== 0,
    ids: { unk: number(UNK_ID, 0), bos: number(BOS_ID, 1), eos: number(EOS_ID, 2) },
    names: { unk: text(UNK_PIECE, '<unk>'), bos: text(BOS_PIECE, '<s>'), eos: text(EOS_PIECE, '</s>') },
    charsmap: charsmap === undefined ? new Uint8Array(0) : bytesIn(file, charsmap),
  }
}

// Numbers of fields in sentencepiece_model.proto.
const PIECES = 1
const TRAINER = 2
const NORMALIZER = 3
const [PIECE_TEXT, PIECE_SCORE, PIECE_KIND] = [1, 2, 3]
const CHARSMAP = 2
const MODEL_TYPE = 3
const BYTE_FALLBACK = 35
const [UNK_ID, BOS_ID, EOS_ID] = [40, 41, 42]
const [UNK_PIECE, BOS_PIECE, EOS_PIECE] = [45, 46, 47]
const UNIGRAM = 1 // of TrainerSpec.ModelType
const NORMAL = 1 // of SentencePiece.Type
const LAST_KIND = 6

type Value = number | Uint8Array

function pieceOf(file: string, bytes: Uint8Array): Piece {
  let [text, score, kind] = ['', 0, NORMAL]
  eachField(file, bytes, (field, value) => {
    if (field === PIECE_TEXT) text = textOf(file, bytesIn(file, value))
    if (field === PIECE_SCORE) score = floatIn(file, value)
    if (field === PIECE_KIND && typeof value === 'number' && value >= NORMAL && value <= LAST_KIND) kind = value
  })
  if (!Number.isFinite(score)) throw fileError(file, 'a piece has no finite score', { piece: text, score })
  return { text, score, kind }
}

/** Every field of a message: numbers of varints, bytes of everything else. */
function eachField(file: string, bytes: Uint8Array, visit: (field: number, value: Value) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw unreadable(file, 'it ends inside a number')
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asIntN(64, value)
    }
    throw unreadable(file, 'a number has more than ten bytes')
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || length > bytes.length - at) throw unreadable(file, 'a field is longer than the file')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const [field, wire] = [Math.floor(key / 8), key & 7]
    if (field < 1 || field > MOST_FIELDS) throw unreadable(file, `it has a field ${field}`)
    if (wire === 0) visit(field, Number(BigInt.asIntN(32, varint())))
    else if (wire === 1) visit(field, take(8))
    else if (wire === 2) visit(field, take(Number(varint())))
    else if (wire === 5) visit(field, take(4))
    else throw unreadable(file, `field ${field} has the wire type ${wire}`)
  }
}

const MOST_FIELDS = 2 ** 29 - 1

function bytesIn(file: string, value: Value): Uint8Array {
  if (typeof value !== 'number') return value
  throw unreadable(file, 'a number stands where a text or a message must')
}

function floatIn(file: string, value: Value): number {
  if (typeof value === 'number' || value.length !== 4) throw unreadable(file, 'a score is no float')
  return new DataView(value.buffer, value.byteOffset, 4).getFloat32(0, true)
}

function textOf(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw unreadable(file, 'a text in it is not UTF-8')
  }
}

function unreadable(file: string, reason: string): Error {
  return fileError(file, 'a file is not a SentencePiece model', { reason })
}
