/**
 * The files of a tokenizer, read and checked: what tokenizer.json, tokenizer_config.json, special_tokens_map.json and the chat template
 * say, in one value. Hostile or broken files end here as `tokenizer.file`; building the engine from the result is left to tokenizer.ts.
 */
import type { EngineConfig } from '../engine/engine.js'
import { parseAddedTokens } from './added-tokens.js'
import { checkModel } from './check-model.js'
import { classPipeline } from './class-pipelines.js'
import { asArray, asObject, asString, fileError, isObject, type JsonObject, parseObject } from './json-value.js'
import { type PostProcessor, parsePostProcessor, type TemplateStep, trimsOffsets } from './post-process.js'
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
  const named = parseNamed(optionalObject(texts, 'special_tokens_map.json'), config)
  const added = parseAddedTokens(json, config, named, tokens)
  const idOf = new Map([...tokens, ...added.map((token) => [token.content, token.id] as const)])
  return {
    texts,
    engineConfig: {
      normalizer: json.normalizer,
      pre_tokenizer: json.pre_tokenizer,
      model: json.model,
      decoder: json.decoder,
      ...classPipeline(config, json.model),
      added_tokens: added,
    },
    vocabulary: tokens,
    postProcessor: parseAdding(json, config, named, idOf),
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

function parseNamed(map: JsonObject, config: JsonObject): Partial<Record<SpecialTokenName, string>> {
  const named: Partial<Record<SpecialTokenName, string>> = {}
  for (const name of specialTokenNames) {
    const content = tokenContent(config[`${name}_token`]) ?? tokenContent(map[`${name}_token`])
    if (content !== undefined) named[name] = content
  }
  return named
}

/** As transformers does: `add_bos_token` or `add_eos_token` in the config, or no post_processor at all, decide what is added. */
function parseAdding(
  json: JsonObject,
  config: JsonObject,
  named: Partial<Record<SpecialTokenName, string>>,
  idOf: ReadonlyMap<string, number>,
): PostProcessor {
  const isExplicit = 'add_bos_token' in config || 'add_eos_token' in config
  if (!isExplicit) return parsePostProcessor(json.post_processor)
  const steps = (name: 'bos' | 'eos', typeId: number): TemplateStep[] => {
    const id = named[name] === undefined ? undefined : idOf.get(named[name])
    return config[`add_${name}_token`] === true && id !== undefined ? [{ kind: 'special', ids: [id], typeId }] : []
  }
  const around = (which: 'A' | 'B', typeId: number): TemplateStep[] => [
    ...steps('bos', typeId),
    { kind: 'sequence', which, typeId },
    ...steps('eos', typeId),
  ]
  return { single: around('A', 0), pair: [...around('A', 0), ...around('B', 1)] }
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
