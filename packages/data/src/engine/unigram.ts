/** Unigram: the way to cut a piece whose tokens have the best sum of scores. */
import { asArray, type JsonObject } from '../tokenizer/json-value.js'
import { utf8 } from './characters.js'
import { FILE, flagAt } from './component.js'
import { byteTokens, type Model, noToken, plainSpelling } from './model.js'
import { remember } from './remember.js'
import { SortedTokens } from './sorted-tokens.js'

const UNKNOWN_PENALTY = 10 // below the worst score

/** Unigram as `model` describes it; ids: its vocabulary. */
export function parseUnigram(model: JsonObject, ids: ReadonlyMap<string, number>): Model {
  const pieces = asArray(FILE, 'model.vocab', model.vocab) as readonly [string, number][]
  const scores = pieces.map(([, score]) => score)
  const unknown = typeof model.unk_id === 'number' ? model.unk_id : undefined
  const fallsBack = flagAt(model, 'model', 'byte_fallback', false)
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY
  const tokens = new SortedTokens(ids)

  /** Ends and ids of the tokens on the best way, unknown ones of each character apart. */
  const bestWay = (piece: string): { start: number; end: number; id: number }[] => {
    const best = new Float64Array(piece.length + 1)
    const starts = new Int32Array(piece.length + 1).fill(-1)
    const chosen = new Int32Array(piece.length + 1)
    const offer = (start: number, end: number, id: number, score: number) => {
      const sum = score + (best[start] as number)
      if (starts[end] !== -1 && sum <= (best[end] as number)) return
      best[end] = sum
      starts[end] = start
      chosen[end] = id
    }
    for (let start = 0; start < piece.length; ) {
      const single = start + ((piece.codePointAt(start) as number) > 0xffff ? 2 : 1)
      let hasSingle = false
      tokens.startingAt(piece, start, (end, id) => {
        offer(start, end, id, scores[id] as number)
        if (end === single) hasSingle = true
      })
      if (!hasSingle) {
        if (unknown === undefined) throw noToken(piece, 'unk_id')
        offer(start, single, unknown, unknownScore)
      }
      start = single
    }
    const way: { start: number; end: number; id: number }[] = []
    for (let end = piece.length; end > 0; end = starts[end] as number)
      way.push({ start: starts[end] as number, end, id: chosen[end] as number })
    return way.reverse()
  }

  const encode = remember((piece: string): readonly number[] => {
    const found: number[] = []
    const way = bestWay(piece)
    for (let index = 0; index < way.length; index++) {
      const first = way[index] as { start: number; end: number; id: number }
      let { end } = first
      // Neighbouring unknown characters are one.
      if (first.id === unknown) while (way[index + 1]?.id === unknown) end = (way[++index] as { end: number }).end
      const text = piece.slice(first.start, end)
      const id = ids.get(text)
      const bytes = id === undefined && fallsBack ? byteTokens(ids, utf8(text)) : undefined
      if (id !== undefined) found.push(id)
      else if (bytes !== undefined) for (const byte of bytes) found.push(byte)
      else if (unknown === undefined) throw noToken(text, 'unk_id')
      else found.push(unknown)
    }
    return found
  })
  const unknownPiece = unknown === undefined ? undefined : pieces[unknown]?.[0]
  return { encode, spelling: { ...plainSpelling, unknown: unknownPiece, unknownSpan: 'run' } }
}
