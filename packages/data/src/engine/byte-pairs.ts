/** Byte-pair encoding: characters, then merges by rank, the leftmost first. */
import { EspalierError } from '@espalier/core'
import { asArray, asString, type JsonObject } from '../tokenizer/json-value.js'
import { utf8 } from './characters.js'
import { FILE, flagAt } from './component.js'
import { MergeQueue } from './merge-queue.js'
import { byteTokens, type Model, noToken } from './model.js'
import { remember } from './remember.js'

const ID_SPACE = 2 ** 24 // above any id: a pair of ids is one whole number

/** Byte-pair encoding as `model` describes it; ids: its vocabulary. Throws config.unsupported for dropout, which is random. */
export function parseBytePairs(model: JsonObject, ids: ReadonlyMap<string, number>): Model {
  if (typeof model.dropout === 'number' && model.dropout > 0) {
    throw new EspalierError('config.unsupported', {
      what: 'a model that drops merges at random is not supported',
      got: { file: FILE, component: 'model', dropout: model.dropout },
      fix: 'Set dropout to null in tokenizer.json.',
    })
  }
  const prefix = textAt(model, 'continuing_subword_prefix')
  const suffix = textAt(model, 'end_of_word_suffix')
  const unknown = typeof model.unk_token === 'string' ? model.unk_token : undefined
  const fuses = flagAt(model, 'model', 'fuse_unk', false)
  const fallsBack = flagAt(model, 'model', 'byte_fallback', false)
  const ignoresMerges = flagAt(model, 'model', 'ignore_merges', false)
  const { ranks, results } = readMerges(model, ids, prefix.length)

  const symbols = (piece: string): number[] => {
    const found: number[] = []
    let pending = false
    let at = 0
    const flush = () => {
      if (!pending) return
      const id = ids.get(unknown as string)
      if (id === undefined) throw noToken(piece, unknown as string)
      found.push(id)
    }
    for (const character of piece) {
      const isFirst = at === 0
      at += character.length
      const token = `${isFirst ? '' : prefix}${character}${at === piece.length ? suffix : ''}`
      const id = ids.get(token)
      if (id !== undefined) {
        flush()
        pending = false
        found.push(id)
        continue
      }
      const bytes = fallsBack ? byteTokens(ids, utf8(token)) : undefined
      if (bytes !== undefined) {
        for (const byte of bytes) found.push(byte)
        continue
      }
      if (unknown === undefined) continue
      if (!fuses) flush()
      pending = true
    }
    flush()
    return found
  }
  const encode = remember((piece: string): readonly number[] => {
    const whole = ignoresMerges ? ids.get(piece) : undefined
    return whole === undefined ? merge(symbols(piece), ranks, results) : [whole]
  })
  return { encode, spelling: { prefix, suffix, unknown, unknownSpan: fuses ? 'run' : 'character' } }
}

function textAt(model: JsonObject, key: string): string {
  const value = model[key]
  return value === undefined || value === null ? '' : asString(FILE, `model.${key}`, value)
}

/** Rank of each pair, and the token that it becomes. The file is checked before: every token is there. */
function readMerges(model: JsonObject, ids: ReadonlyMap<string, number>, prefixLength: number) {
  const merges = asArray(FILE, 'model.merges', model.merges ?? [])
  const ranks = new Map<number, number>()
  const results = new Int32Array(merges.length)
  merges.forEach((item, rank) => {
    const [left, right] = (typeof item === 'string' ? item.split(' ') : item) as [string, string]
    ranks.set((ids.get(left) as number) * ID_SPACE + (ids.get(right) as number), rank)
    results[rank] = ids.get(left + right.slice(prefixLength)) as number
  })
  return { ranks, results }
}

function merge(symbols: number[], ranks: ReadonlyMap<number, number>, results: Int32Array): number[] {
  const count = symbols.length
  if (count < 2) return symbols
  const rankOf = (left: number, right: number) => ranks.get(left * ID_SPACE + right)
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const queue = new MergeQueue()
  const offer = (left: number, right: number) => {
    const rank = rankOf(symbols[left] as number, symbols[right] as number)
    if (rank !== undefined) queue.push(rank, left)
  }
  for (let at = 0; at < count; at++) {
    next[at] = at + 1
    previous[at] = at - 1
    if (at + 1 < count) offer(at, at + 1)
  }
  const GONE = -1
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const { rank, position } = entry
    const right = next[position] as number
    if (symbols[position] === GONE || right >= count) continue
    const result = results[rank] as number
    const current = rankOf(symbols[position] as number, symbols[right] as number)
    // An entry of a pair that is there no more.
    if (current === undefined || results[current] !== result) continue
    symbols[position] = result
    symbols[right] = GONE
    const after = next[right] as number
    next[position] = after
    if (after < count) {
      previous[after] = position
      offer(position, after)
    }
    const before = previous[position] as number
    if (before >= 0) offer(before, position)
  }
  return symbols.filter((symbol) => symbol !== GONE)
}
