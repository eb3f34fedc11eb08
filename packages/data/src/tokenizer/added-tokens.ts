/**
 * The added tokens of a tokenizer: those of tokenizer.json, then those that only tokenizer_config.json knows, by transformers' rules. A
 * named or extra special token that no file defines gets the model's id for its text, or the next free id.
 */
import { asArray, asObject, asString, asTokenId, fileError, isObject, type JsonObject } from './json-value.js'
import { type AddedToken, type SpecialTokenName, tokenContent } from './special-tokens.js'

/** Every added token. tokens: the model's vocabulary. Throws tokenizer.file when two tokens claim one id. */
export function parseAddedTokens(
  json: JsonObject,
  config: JsonObject,
  named: Partial<Record<SpecialTokenName, string>>,
  tokens: ReadonlyMap<string, number>,
): AddedToken[] {
  const added = new Map<string, AddedToken>()
  const listed = asArray('tokenizer.json', 'added_tokens', json.added_tokens ?? [])
  for (const [index, item] of listed.entries()) {
    const token = parseToken('tokenizer.json', `added_tokens[${index}]`, item, undefined)
    added.set(token.content, token)
  }
  for (const [id, item] of decoderEntries(config)) {
    const place = `added_tokens_decoder.${id}`
    const token = parseToken(
      'tokenizer_config.json',
      place,
      item,
      asTokenId('tokenizer_config.json', place, Number(id)),
    )
    const known = added.get(token.content)?.id ?? tokens.get(token.content)
    added.set(token.content, { ...token, id: known ?? token.id })
  }
  let next = largestId(tokens, added) + 1
  for (const content of [...Object.values(named), ...extraTokens(config)]) {
    if (added.has(content)) continue
    added.set(content, { ...DEFAULTS, content, id: tokens.get(content) ?? next++, special: true })
  }
  return checkUnique([...added.values()], tokens)
}

const DEFAULTS = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false } as const

function parseToken(file: string, place: string, item: unknown, id: number | undefined): AddedToken {
  const entry = asObject(file, place, item)
  const flag = (key: keyof typeof DEFAULTS, otherwise = false) =>
    typeof entry[key] === 'boolean' ? (entry[key] as boolean) : otherwise
  const content = asString(file, `${place}.content`, entry.content)
  if (content === '') throw fileError(file, 'an added token is empty', { place })
  const special = flag('special')
  return {
    id: id ?? asTokenId(file, `${place}.id`, entry.id),
    content,
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: flag('normalized', !special),
    special,
  }
}

function decoderEntries(config: JsonObject): [string, unknown][] {
  const value = config.added_tokens_decoder
  return value === undefined || value === null
    ? []
    : Object.entries(asObject('tokenizer_config.json', 'added_tokens_decoder', value))
}

function extraTokens(config: JsonObject): string[] {
  return [config.additional_special_tokens, config.extra_special_tokens].flatMap((value) => {
    const items = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
    return items.map(tokenContent).filter((content) => content !== undefined && content !== '') as string[]
  })
}

function largestId(tokens: ReadonlyMap<string, number>, added: ReadonlyMap<string, AddedToken>): number {
  let largest = -1
  for (const id of tokens.values()) if (id > largest) largest = id
  for (const { id } of added.values()) if (id > largest) largest = id
  return largest
}

function checkUnique(added: AddedToken[], tokens: ReadonlyMap<string, number>): AddedToken[] {
  const owner = new Map<number, string>()
  for (const [content, id] of tokens) owner.set(id, content)
  for (const { content, id } of added) {
    const other = owner.get(id)
    if (other !== undefined && other !== content) {
      throw fileError('tokenizer.json', 'two tokens have one id', { id, tokens: [other, content] })
    }
    owner.set(id, content)
  }
  return added
}
