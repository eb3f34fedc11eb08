/**
 * The added tokens of a tokenizer: those of tokenizer.json, then those that only tokenizer_config.json knows, by transformers' rules. A
 * named or extra special token that no file defines is added too. Ids are the model's for a token's text, or the next free ones.
 */
import { asArray, asObject, asString, asTokenId, fileError, isObject, type JsonObject } from './json-value.js'
import { type AddedToken, type SpecialTokenName, tokenContent } from './special-tokens.js'

/** Every added token. tokens: the model's vocabulary. Throws tokenizer.file for a broken entry. */
export function parseAddedTokens(
  json: JsonObject,
  config: JsonObject,
  named: Partial<Record<SpecialTokenName, string>>,
  tokens: ReadonlyMap<string, number>,
): AddedToken[] {
  const added = new Map<string, AddedToken>()
  // The library gives ids itself: the vocabulary's, or the next free one; what the file says of them does not count.
  let next = tokens.size
  const put = (token: Omit<AddedToken, 'id'>) => {
    const id = added.get(token.content)?.id ?? tokens.get(token.content) ?? next
    added.set(token.content, { ...token, id })
    next = Math.max(next, id + 1)
  }
  const listed = asArray(FILE, 'added_tokens', json.added_tokens ?? [])
  const owners = new Map<number, string>()
  for (const [content, id] of tokens) owners.set(id, content)
  for (const [index, item] of listed.entries()) {
    const place = `added_tokens[${index}]`
    const token = parseToken(FILE, place, item)
    const id = asTokenId(FILE, `${place}.id`, asObject(FILE, place, item).id)
    const owner = owners.get(id)
    if (owner !== undefined && owner !== token.content)
      throw fileError(FILE, 'two tokens have one id', { id, tokens: [owner, token.content] })
    owners.set(id, token.content)
    put(token)
  }
  const decoder = decoderEntries(config).map(([id, item]) => {
    const place = `added_tokens_decoder.${id}`
    return { id: asTokenId(CONFIG, place, Number(id)), token: parseToken(CONFIG, place, item) }
  })
  for (const { token } of decoder.sort((a, b) => a.id - b.id)) put(token)
  for (const content of [...Object.values(named), ...extraTokens(config)])
    if (!added.has(content)) put({ ...DEFAULTS, content, special: true })
  return [...added.values()]
}

const FILE = 'tokenizer.json'
const CONFIG = 'tokenizer_config.json'
const DEFAULTS = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false } as const

function parseToken(file: string, place: string, item: unknown): Omit<AddedToken, 'id'> {
  const entry = asObject(file, place, item)
  const flag = (key: keyof typeof DEFAULTS, otherwise = false) =>
    typeof entry[key] === 'boolean' ? (entry[key] as boolean) : otherwise
  const content = asString(file, `${place}.content`, entry.content)
  if (content === '') throw fileError(file, 'an added token is empty', { place })
  const special = flag('special')
  return {
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
  return value === undefined || value === null ? [] : Object.entries(asObject(CONFIG, 'added_tokens_decoder', value))
}

function extraTokens(config: JsonObject): string[] {
  return [config.additional_special_tokens, config.extra_special_tokens].flatMap((value) => {
    const items = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
    return items.map(tokenContent).filter((content) => content !== undefined && content !== '') as string[]
  })
}
