/**
 * The files of a tokenizer, read and checked: what tokenizer.json or a vocabulary's own files, tokenizer_config.json,
 * special_tokens_map.json and the chat template say, in one value. Hostile or broken files end here as `tokenizer.file`; building the
 * engine from the result is left to tokenizer.ts.
 */
import type { EngineConfig } from '../engine/engine.js'
import { parseAddedTokens } from './added-tokens.js'
import { parseChatTemplates } from './chat-template-files.js'
import { checkModel } from './check-model.js'
import { type ChosenClass, chosenClass } from './classes/class-name.js'
import { aroundAsked, type ClassPipeline, modelKind, type NamedIds, whyFileWins } from './classes/pipeline.js'
import { type Converted, convertVocabulary, type FileContent, vocabularyFileNames } from './conversion/converted.js'
import { savedTexts } from './conversion/saved-texts.js'
import { fileError, isObject, type JsonObject, parseObject } from './json-value.js'
import { parseNamedTokens } from './named-tokens.js'
import { type PostProcessor, parsePostProcessor, trimsOffsets } from './post-process.js'
import type { SpecialTokenName } from './special-tokens.js'

/** Names of the files that make a tokenizer; all but the first may be missing. */
export const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
] as const

/**
 * Gives the text or the bytes of a file by its name, undefined when there is none. Names that end in `.model` are SentencePiece's, which
 * text would break: give their bytes.
 */
export type ReadTokenizerFile = (
  name: string,
) => string | Uint8Array | undefined | Promise<string | Uint8Array | undefined>

/** What the files of a tokenizer say. */
export interface TokenizerFiles {
  /** Files that make this tokenizer again, without config.json: as they were read, or converted, which takes a while. */
  readonly texts: () => Map<string, string>
  /** tokenizer.json for the engine, every added token in it. */
  readonly engineConfig: EngineConfig
  /** The model's own tokens. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly postProcessor: PostProcessor
  /** Whether offsets leave out the space that a byte-level token begins or ends with. */
  readonly trimsOffsets: boolean
  readonly modelType: string
  /** What asks for infilling in a text, which is not here. */
  readonly infills: string | undefined
  /** What ends the words of a decoded text. */
  readonly wordEnd: string | undefined
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
  /** What a user should know of how the files were read, a sentence each. */
  readonly notes: readonly string[]
}

/** Reads every tokenizer file there is, config.json, and a vocabulary's own files where there is no tokenizer.json. */
export async function readTokenizerFiles(read: ReadTokenizerFile): Promise<ReadonlyMap<string, FileContent>> {
  const files = new Map<string, FileContent>()
  const add = async (name: string) => {
    const content = await read(name)
    if (content !== undefined) files.set(name, content)
  }
  for (const name of [...tokenizerFileNames, MODEL_CONFIG]) await add(name)
  if (!files.has('tokenizer.json')) for (const name of vocabularyFileNames) await add(name)
  return files
}

const MODEL_CONFIG = 'config.json' // its model_type tells the class where tokenizer_config.json does not

/** What a tokenizer's files say. Throws tokenizer.file for a missing, broken or contradictory file; config.unsupported. */
export function parseTokenizerFiles(files: ReadonlyMap<string, FileContent>): TokenizerFiles {
  const texts = textsOf(files)
  const object = (name: string) => {
    const text = texts.get(name)
    return text === undefined ? {} : parseObject(name, text)
  }
  const written = object('tokenizer_config.json')
  const chosen = chosenClass(written, object(MODEL_CONFIG))
  const main = texts.get('tokenizer.json')
  const converted = main === undefined ? convertVocabulary(files, chosen, written) : undefined
  const json = converted?.json ?? parseObject('tokenizer.json', main as string)
  const config = { ...written, ...converted?.settings }
  const vocabulary = checkModel(json)
  const { pipeline, note } = pipelineOf(chosen, config, json, converted)
  const {
    named,
    others,
    written: listed,
  } = parseNamedTokens(object('special_tokens_map.json'), config, {
    ...pipeline,
    defaults: { ...paddingDefaults(json), ...pipeline.defaults },
    whole: converted?.whole,
  })
  const added = parseAddedTokens(
    json,
    {
      config,
      older: 'added_tokens_decoder' in config ? {} : object('added_tokens.json'),
      special: [...Object.values(named), ...others],
      written: listed,
      plainSpecials: pipeline.plainSpecials === true,
      listDecides: pipeline.entries !== undefined,
    },
    vocabulary,
  )
  const idOf = new Map([...vocabulary, ...added.map((token) => [token.content, token.id] as const)])
  const ids: NamedIds = Object.fromEntries(
    Object.entries(named).map(([name, token]) => [name, idOf.get(token.content)]),
  )
  const asked = { bos: flag(config.add_bos_token), eos: flag(config.add_eos_token) }
  const postProcessor =
    pipeline.around?.(ids, converted === undefined ? NOTHING_ASKED : asked) ??
    (converted === undefined ? parsePostProcessor(json.post_processor) : aroundAsked(ids, asked))
  const engineConfig = {
    normalizer: json.normalizer,
    pre_tokenizer: json.pre_tokenizer,
    model: json.model,
    decoder: json.decoder,
    ...pipeline.entries,
    added_tokens: added,
  }
  const names = Object.fromEntries(Object.entries(named).map(([name, token]) => [name, token.content]))
  const alone = pipeline.around?.(ids, NOTHING_ASKED) ?? postProcessor
  const losesAround = JSON.stringify(alone) !== JSON.stringify(postProcessor)
  const made = converted && { engineConfig, postProcessor, idOf, named: names, losesAround }
  const side = (key: string, otherwise: unknown) => parseSide(config, key, otherwise)
  return {
    texts: () => savedTexts({ texts, config: written, chosen, converted: made }),
    engineConfig,
    vocabulary,
    postProcessor,
    trimsOffsets: pipeline.around === undefined ? trimsOffsets(json.post_processor) : pipeline.trims === true,
    modelType: modelKind(json.model as JsonObject),
    infills: pipeline.infills,
    wordEnd: pipeline.wordEnd,
    named: names,
    specialIds: new Set(added.filter((token) => token.special).map((token) => token.id)),
    chatTemplates: parseChatTemplates(texts, config),
    modelMaxLength: parseMaxLength(config.model_max_length ?? config.max_len),
    paddingSide: side('padding_side', directionOf(json.padding) ?? chosen?.builder.paddingSide),
    truncationSide: side('truncation_side', directionOf(json.truncation)),
    padTypeId: typeof config.pad_token_type_id === 'number' ? config.pad_token_type_id : 0,
    cleanUpSpaces: config.clean_up_tokenization_spaces === true,
    inputNames: Array.isArray(config.model_input_names)
      ? config.model_input_names.filter((name) => typeof name === 'string')
      : (chosen?.builder.inputNames ?? []),
    notes: note === undefined ? [] : [note],
  }
}

const NOTHING_ASKED = {} // transformers drops both flags beside a tokenizer.json

const flag = (value: unknown) => (typeof value === 'boolean' ? value : undefined)

/** The texts among the files; a vocabulary's own files are left to their conversion. */
function textsOf(files: ReadonlyMap<string, FileContent>): Map<string, string> {
  const texts = new Map<string, string>()
  for (const name of [...tokenizerFileNames, MODEL_CONFIG]) {
    const content = files.get(name)
    if (content !== undefined) texts.set(name, typeof content === 'string' ? content : decoded(name, content))
  }
  return texts
}

function decoded(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw fileError(name, 'a file is not UTF-8 text', {}, cause)
  }
}

interface ChosenPipeline {
  readonly pipeline: Partial<ClassPipeline> & Pick<ClassPipeline, 'defaults'>
  readonly note?: string
}

/** What the class builds, or what the file says itself. */
function pipelineOf(
  chosen: ChosenClass | undefined,
  config: JsonObject,
  json: JsonObject,
  converted: Converted | undefined,
): ChosenPipeline {
  const plain = { defaults: converted?.defaults ?? {} }
  if (chosen === undefined) return { pipeline: plain }
  const model = json.model as JsonObject
  const note = whyFileWins(chosen.name, chosen.builder, model)
  if (note === undefined) return { pipeline: chosen.builder.build(config, { model, charsmap: charsmapIn(json) }) }
  if (converted === undefined) return { pipeline: plain, note }
  throw fileError('tokenizer_config.json', 'the vocabulary is not one of this class', { reason: note })
}

/** The first map of characters among a file's normalizers. */
function charsmapIn({ normalizer }: JsonObject): string | undefined {
  const entries: readonly unknown[] =
    isObject(normalizer) && Array.isArray(normalizer.normalizers) ? normalizer.normalizers : [normalizer]
  const found = entries.find((entry) => isObject(entry) && entry.type === 'Precompiled') as JsonObject | undefined
  return typeof found?.precompiled_charsmap === 'string' ? found.precompiled_charsmap : undefined
}

/** The padding token that tokenizer.json itself pads with. */
function paddingDefaults({ padding }: JsonObject): Partial<Record<SpecialTokenName, string>> {
  return isObject(padding) && typeof padding.pad_token === 'string' ? { pad: padding.pad_token } : {}
}

function directionOf(entry: unknown): string | undefined {
  const direction = isObject(entry) ? entry.direction : undefined
  return typeof direction === 'string' ? direction.toLowerCase() : undefined
}

const NO_LIMIT = 1e18 // transformers writes 1e30 for "no limit"

function parseMaxLength(value: unknown): number {
  return typeof value === 'number' && value >= 1 && value < NO_LIMIT ? Math.floor(value) : Number.POSITIVE_INFINITY
}

function parseSide(config: JsonObject, key: string, otherwise: unknown): 'left' | 'right' {
  const value = config[key] ?? otherwise
  if (value === undefined || value === 'right') return 'right'
  if (value === 'left') return 'left'
  throw fileError('tokenizer_config.json', 'a side must be "left" or "right"', {
    place: key,
    found: isObject(value) ? 'object' : value,
  })
}
