/**
 * The added tokens of a tokenizer: those of tokenizer.json, then those that only the other files know, by transformers' rules. A named or
 * extra special token that no file defines is added too. Ids are the model's for a token's text, or the next free ones.
 */
import { asArray, asObject, asString, asTokenId, fileError, type JsonObject } from './json-value.js'
import { type AddedToken, type NewToken, specialToken } from './special-tokens.js'

/** Where added tokens come from, beside tokenizer.json. */
export interface AddedSources {
  /** tokenizer_config.json. */
  readonly config: JsonObject
  /** added_tokens.json; empty where there is none, or where the configuration lists added tokens. */
  readonly older: JsonObject
  /** Named tokens, then those that have no name. */
  readonly special: readonly NewToken[]
  /** Texts that the files themselves call special. */
  readonly written: ReadonlySet<string>
  /** Whether special tokens lose the flags that the lists give them. */
  readonly plainSpecials: boolean
  /** Whether the configuration's list stands in the place of that of tokenizer.json, where there is one. */
  readonly listDecides: boolean
}

/** Every added token. tokens: the model's vocabulary. Throws tokenizer.file for a broken entry. */
export function parseAddedTokens(
  json: JsonObject,
  sources: AddedSources,
  tokens: ReadonlyMap<string, number>,
): AddedToken[] {
  const added = new Map<string, AddedToken>()
  // The library gives ids itself: the vocabulary's, or the next free one; what the file says of them does not count.
  let next = tokens.size
  const put = (token: NewToken) => {
    const id = added.get(token.content)?.id ?? tokens.get(token.content) ?? next
    added.set(token.content, { ...token, id })
    next = Math.max(next, id + 1)
  }
  const decoder = [...decoderEntries(sources.config), ...olderEntries(sources)]
  const listed = listedTokens(json, tokens)
  if (!(sources.listDecides && 'added_tokens_decoder' in sources.config)) for (const token of listed) put(token)
  for (const { token } of decoder.sort((a, b) => a.id - b.id)) put(token)
  for (const token of sources.special) if (!added.has(token.content)) put(token)
  if (sources.plainSpecials) for (const { content } of sources.special) put(specialToken(content))
  return [...added.values()]
}

const FILE = 'tokenizer.json'
const CONFIG = 'tokenizer_config.json'
const OLDER = 'added_tokens.json'

function listedTokens(json: JsonObject, tokens: ReadonlyMap<string, number>): NewToken[] {
  const owners = new Map<number, string>()
  for (const [content, id] of tokens) owners.set(id, content)
  return asArray(FILE, 'added_tokens', json.added_tokens ?? []).map((item, index) => {
    const place = `added_tokens[${index}]`
    const token = parseToken(FILE, place, item)
    const id = asTokenId(FILE, `${place}.id`, asObject(FILE, place, item).id)
    const owner = owners.get(id)
    if (owner !== undefined && owner !== token.content)
      throw fileError(FILE, 'two tokens have one id', { id, tokens: [owner, token.content] })
    owners.set(id, token.content)
    return token
  })
}

/** The token that an entry describes; what it does not say is as in an `AddedToken` of the Rust library. */
export function parseToken(file: string, place: string, item: unknown, isSpecial = false): NewToken {
  const entry = asObject(file, place, item)
  const flag = (key: string, otherwise = false) => (typeof entry[key] === 'boolean' ? entry[key] : otherwise)
  const content = asString(file, `${place}.content`, entry.content)
  if (content === '') throw fileError(file, 'an added token is empty', { place })
  const special = isSpecial || flag('special')
  return {
    content,
    single_word: flag('single_word'),
    lstrip: flag('lstrip'),
    rstrip: flag('rstrip'),
    normalized: flag('normalized', !special),
    special,
  }
}

interface NumberedToken {
  readonly id: number
  readonly token: NewToken
}

function decoderEntries(config: JsonObject): NumberedToken[] {
  const value = config.added_tokens_decoder
  const entries = value === undefined || value === null ? {} : asObject(CONFIG, 'added_tokens_decoder', value)
  return Object.entries(entries).map(([key, item]) => {
    const place = `added_tokens_decoder.${key}`
    return { id: asTokenId(CONFIG, place, Number(key)), token: parseToken(CONFIG, place, item) }
  })
}

/** added_tokens.json gives ids to texts; those that the other files call special are. */
function olderEntries({ older, written }: AddedSources): NumberedToken[] {
  return Object.entries(older).map(([content, id]) => ({
    id: asTokenId(OLDER, content, id),
    token: parseToken(OLDER, content, { content, special: written.has(content) }),
  }))
}
