/**
 * The files of a tokenizer, read and checked: what tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat template
 * say, in one value. Hostile or broken files end here as `tokenizer.file`; building the engine from the result is left to tokenizer.ts.
 */
import type { EngineConfig } from '../engine/engine.js'
import { parseAddedTokens } from './added-tokens.js'
import { checkModel } from './check-model.js'
import { classPipeline, type NamedIds } from './class-pipelines.js'
import { asArray, asObject, asString, fileError, isObject, type JsonObject, parseObject } from './json-value.js'
import { type PostProcessor, parsePostProcessor, trimsOffsets } from './post-process.js'
import { type SpecialTokenName, specialTokenNames, tokenContent } from './special-tokens.js'

/** Names of the files that make a tokenizer; all but the first may be missing. */
export const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
] as const

/** Gives the text of a file by its name, undefined when there is none. */
export type ReadTokenizerFile = (name: string) => string | undefined | Promise<string | undefined>

/** What the files of a tokenizer say. */
export interface TokenizerFiles {
  /** The texts as they were read, by file name. */
  readonly texts: ReadonlyMap<string, string>
  /** tokenizer.json for the engine, every added token in it. */
  readonly engineConfig: EngineConfig
  /** The model's own tokens. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly postProcessor: PostProcessor
  /** Whether offsets leave out the space that a byte-level token begins or ends with. */
  readonly trimsOffsets: boolean
  readonly modelType: string | undefined
  /** Content of bos, eos, pad and the other named tokens. */
  readonly named: Readonly<Partial<Record<SpecialTokenName, string>>>
  readonly specialIds: ReadonlySet<number>
  readonly chatTemplates: Readonly<Record<string, string>>
  readonly modelMaxLength: number
  readonly paddingSide: 'left' | 'right'
  readonly truncationSide: 'left' | 'right'
  readonly padTypeId: number
  readonly cleanUpSpaces: boolean
  readonly inputNames: readonly string[]
}

/** Reads every tokenizer file there is. Throws tokenizer.file when tokenizer.json is missing. */
export async function readTokenizerTexts(read: ReadTokenizerFile): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>()
  for (const name of tokenizerFileNames) {
    const text = await read(name)
    if (text !== undefined) texts.set(name, text)
  }
  return texts
}

/** What the texts of a tokenizer's files say. Throws tokenizer.file for a missing, broken or contradictory file. */
export function parseTokenizerFiles(texts: ReadonlyMap<string, string>): TokenizerFiles {
  const main = texts.get('tokenizer.json')
  if (main === undefined) throw fileError('tokenizer.json', 'a tokenizer needs the file tokenizer.json')
  const json = parseObject('tokenizer.json', main)
  const config = optionalObject(texts, 'tokenizer_config.json')
  const tokens = checkModel(json)
  const pipeline = classPipeline(config, json.model)
  const named = parseNamed(optionalObject(texts, 'special_tokens_map.json'), config, pipeline?.defaults ?? {})
  const added = parseAddedTokens(json, config, named, tokens)
  const idOf = new Map([...tokens, ...added.map((token) => [token.content, token.id] as const)])
  return {
    texts,
    engineConfig: {
      normalizer: json.normalizer,
      pre_tokenizer: json.pre_tokenizer,
      model: json.model,
      decoder: json.decoder,
      ...pipeline?.entries,
      added_tokens: added,
    },
    vocabulary: tokens,
    postProcessor: pipeline?.around?.(idsOf(named, idOf)) ?? parsePostProcessor(json.post_processor),
    trimsOffsets: trimsOffsets(json.post_processor),
    modelType: typeof json.model === 'object' ? (json.model as { type?: string } | null)?.type : undefined,
    named,
    specialIds: new Set(added.filter((token) => token.special).map((token) => token.id)),
    chatTemplates: parseChatTemplates(texts, config),
    modelMaxLength: parseMaxLength(config.model_max_length),
    paddingSide: parseSide(config, 'padding_side'),
    truncationSide: parseSide(config, 'truncation_side'),
    padTypeId: typeof config.pad_token_type_id === 'number' ? config.pad_token_type_id : 0,
    cleanUpSpaces: config.clean_up_tokenization_spaces === true,
    inputNames: Array.isArray(config.model_input_names)
      ? config.model_input_names.filter((name) => typeof name === 'string')
      : [],
  }
}

function optionalObject(texts: ReadonlyMap<string, string>, name: string): JsonObject {
  const text = texts.get(name)
  return text === undefined ? {} : parseObject(name, text)
}

/** As transformers: special_tokens_map.json counts where tokenizer_config.json lists no added tokens, and null means none. */
function parseNamed(
  map: JsonObject,
  config: JsonObject,
  defaults: Readonly<Partial<Record<SpecialTokenName, string>>>,
): Partial<Record<SpecialTokenName, string>> {
  const named: Partial<Record<SpecialTokenName, string>> = {}
  const settings: JsonObject = 'added_tokens_decoder' in config ? config : { ...config, ...map }
  for (const name of specialTokenNames) {
    const value = settings[`${name}_token`]
    const content = value === undefined ? defaults[name] : tokenContent(value)
    if (content !== undefined) named[name] = content
  }
  return named
}

function idsOf(
  named: Readonly<Partial<Record<SpecialTokenName, string>>>,
  idOf: ReadonlyMap<string, number>,
): NamedIds {
  return Object.fromEntries(Object.entries(named).map(([name, content]) => [name, idOf.get(content)]))
}

function parseChatTemplates(texts: ReadonlyMap<string, string>, config: JsonObject): Record<string, string> {
  const jinja = texts.get('chat_template.jinja')
  if (jinja !== undefined) return { default: jinja }
  const separate = texts.get('chat_template.json')
  const file = separate === undefined ? 'tokenizer_config.json' : 'chat_template.json'
  const value = separate === undefined ? config.chat_template : parseObject(file, separate).chat_template
  if (value === undefined || value === null) return {}
  if (typeof value === 'string') return { default: value }
  return Object.fromEntries(
    asArray(file, 'chat_template', value).map((item, index) => {
      const place = `chat_template[${index}]`
      const entry = asObject(file, place, item)
      return [asString(file, `${place}.name`, entry.name), asString(file, `${place}.template`, entry.template)]
    }),
  )
}

const NO_LIMIT = 1e18 // transformers writes 1e30 for "no limit"

function parseMaxLength(value: unknown): number {
  return typeof value === 'number' && value >= 1 && value < NO_LIMIT ? Math.floor(value) : Number.POSITIVE_INFINITY
}

function parseSide(config: JsonObject, key: string): 'left' | 'right' {
  const value = config[key]
  if (value === undefined || value === null || value === 'right') return 'right'
  if (value === 'left') return 'left'
  throw fileError('tokenizer_config.json', 'a side must be "left" or "right"', {
    place: key,
    found: isObject(value) ? 'object' : value,
  })
}
