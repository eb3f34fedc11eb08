/**
 * Checks the `model` and the patterns of tokenizer.json before the engine sees them: it would take broken values without a word, or
 * print a warning.
 */
import { asArray, asObject, asString, asTokenId, fileError, isObject, type JsonObject } from './json-value.js'

const FILE = 'tokenizer.json'

/** Checks tokenizer.json and returns its vocabulary, token to id. Throws tokenizer.file. */
export function checkModel(json: JsonObject): ReadonlyMap<string, number> {
  const model = asObject(FILE, 'model', json.model)
  for (const key of ['normalizer', 'pre_tokenizer', 'decoder'] as const) checkPatterns(key, json[key], 0)
  if (Array.isArray(model.vocab)) return checkUnigram(model)
  const tokens = new Map<string, number>()
  for (const [token, id] of Object.entries(asObject(FILE, 'model.vocab', model.vocab))) {
    tokens.set(token, asTokenId(FILE, `model.vocab.${token}`, id))
  }
  if (tokens.size === 0) throw fileError(FILE, 'the vocabulary is empty')
  if (model.merges !== undefined) checkMerges(model, tokens)
  const unknown = model.unk_token
  if (unknown !== undefined && unknown !== null && !tokens.has(asString(FILE, 'model.unk_token', unknown))) {
    throw fileError(FILE, 'the unknown token is not in the vocabulary', { token: unknown })
  }
  return tokens
}

function checkUnigram(model: JsonObject): ReadonlyMap<string, number> {
  const tokens = new Map<string, number>()
  for (const [id, item] of asArray(FILE, 'model.vocab', model.vocab).entries()) {
    const [token, score] = asArray(FILE, `model.vocab[${id}]`, item)
    if (typeof score !== 'number') throw fileError(FILE, 'a piece has no score', { place: `model.vocab[${id}]` })
    tokens.set(asString(FILE, `model.vocab[${id}]`, token), id)
  }
  if (tokens.size === 0) throw fileError(FILE, 'the vocabulary is empty')
  const unknown = model.unk_id
  if (unknown !== undefined && unknown !== null && asTokenId(FILE, 'model.unk_id', unknown) >= tokens.size) {
    throw fileError(FILE, 'the unknown token is not in the vocabulary', { id: unknown, pieces: tokens.size })
  }
  return tokens
}

function checkMerges(model: JsonObject, tokens: ReadonlyMap<string, number>): void {
  const prefix = typeof model.continuing_subword_prefix === 'string' ? model.continuing_subword_prefix : ''
  for (const [index, item] of asArray(FILE, 'model.merges', model.merges).entries()) {
    const parts = typeof item === 'string' ? item.split(' ') : item
    const [left, right] = asArray(FILE, `model.merges[${index}]`, parts)
    if (typeof left !== 'string' || typeof right !== 'string') {
      throw fileError(FILE, 'a merge is not a pair of tokens', { place: `model.merges[${index}]`, merge: item })
    }
    const merged = left + (prefix !== '' && right.startsWith(prefix) ? right.slice(prefix.length) : right)
    const missing = [left, right, merged].find((token) => !tokens.has(token))
    if (missing !== undefined) {
      throw fileError(FILE, 'a merge uses a token that is not in the vocabulary', {
        place: `model.merges[${index}]`,
        token: missing,
      })
    }
  }
}

const DEEPEST = 32 // nesting of Sequence entries; real files have two

function checkPatterns(place: string, value: unknown, depth: number): void {
  if (depth > DEEPEST) throw fileError(FILE, 'entries are nested too deeply', { place })
  if (Array.isArray(value)) for (const item of value) checkPatterns(place, item, depth + 1)
  if (!isObject(value)) return
  const pattern = value.pattern
  if (pattern !== undefined && typeof pattern !== 'string') {
    const { Regex, String: text } = asObject(FILE, `${place}.pattern`, pattern)
    if (typeof Regex !== 'string' && typeof text !== 'string')
      throw fileError(FILE, 'a pattern has neither Regex nor String', { place })
  }
  for (const [key, item] of Object.entries(value))
    if (key !== 'pattern') checkPatterns(`${place}.${key}`, item, depth + 1)
}
