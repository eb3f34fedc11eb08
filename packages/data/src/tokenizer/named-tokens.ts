/**
 * The special tokens that tokenizer_config.json and special_tokens_map.json name, and those that they list without a name. As in
 * transformers, special_tokens_map.json counts where tokenizer_config.json lists no added tokens, and null means none.
 */
import { parseToken } from './added-tokens.js'
import type { ClassPipeline } from './classes/pipeline.js'
import { isObject, type JsonObject } from './json-value.js'
import {
  type NewToken,
  type SpecialTokenName,
  specialToken,
  specialTokenNames,
  tokenContent,
} from './special-tokens.js'

/** Named tokens by their names, and special tokens without one. */
export interface NamedTokens {
  readonly named: Readonly<Partial<Record<SpecialTokenName, NewToken>>>
  readonly others: readonly NewToken[]
  /** Texts that tokenizer_config.json lists, or that it or special_tokens_map.json names. */
  readonly written: ReadonlySet<string>
}

/** What makes tokens beside the files. */
export interface TokenDefaults extends Pick<ClassPipeline, 'defaults' | 'flags' | 'extra'> {
  /** Tokens that a converted vocabulary never splits. */
  readonly whole?: readonly NewToken[] | undefined
}

/** What the files, and else a class, name. map: special_tokens_map.json; config: tokenizer_config.json. */
export function parseNamedTokens(map: JsonObject, config: JsonObject, otherwise: TokenDefaults): NamedTokens {
  const older = 'added_tokens_decoder' in config ? {} : map
  const settings: JsonObject = { ...config, ...older }
  const named: Partial<Record<SpecialTokenName, NewToken>> = {}
  for (const name of specialTokenNames) {
    const key = `${name}_token`
    const value = settings[key] === undefined ? otherwise.defaults[name] : settings[key]
    const content = tokenContent(value)
    if (content === undefined || content === '') continue
    named[name] = isObject(value)
      ? parseToken(key in older ? MAP : CONFIG, key, value, true)
      : { ...specialToken(content), ...otherwise.flags?.[name] }
  }
  const { specific, listed } = listedTokens(config)
  const given = otherwise.whole ?? tokensIn(MAP, older.additional_special_tokens)
  const others = listed ?? otherwise.extra?.(given) ?? given ?? []
  const names = specialTokenNames.flatMap((name) => tokenContent(settings[`${name}_token`]) ?? [])
  const written = new Set([...names, ...(listed ?? []).map(({ content }) => content)])
  return { named, others: [...ownNames(config), ...specific, ...others], written }
}

const CONFIG = 'tokenizer_config.json'
const MAP = 'special_tokens_map.json'

/** Tokens that only a model of its kind has, such as `image_token`. */
function ownNames(config: JsonObject): NewToken[] {
  const known = new Set<string>(specialTokenNames.map((name) => `${name}_token`))
  return Object.entries(config).flatMap(([key, value]) => {
    if (!key.endsWith('_token') || known.has(key)) return []
    const isToken = typeof value === 'string' || (isObject(value) && value.__type === 'AddedToken')
    return isToken ? (tokensIn(CONFIG, [value]) ?? []) : []
  })
}

/** What tokenizer_config.json lists: with names of its own, and without; undefined where it says nothing of these. */
function listedTokens(config: JsonObject): { specific: NewToken[]; listed: NewToken[] | undefined } {
  const { extra_special_tokens: extra, additional_special_tokens: older } = config
  if (isObject(extra) && Object.keys(extra).length > 0)
    return { specific: tokensIn(CONFIG, Object.values(extra)) ?? [], listed: tokensIn(CONFIG, older) }
  if (Array.isArray(extra) && extra.length > 0) return { specific: [], listed: tokensIn(CONFIG, extra) }
  return { specific: [], listed: tokensIn(CONFIG, older ?? extra) }
}

/** Tokens of a list of texts or entries; undefined where there is no list. */
function tokensIn(file: string, value: unknown): NewToken[] | undefined {
  if (value === undefined || value === null) return undefined
  return (Array.isArray(value) ? value : []).flatMap((item: unknown, index) => {
    const content = tokenContent(item)
    if (content === undefined || content === '') return []
    return isObject(item) ? parseToken(file, `special tokens [${index}]`, item, true) : specialToken(content)
  })
}
