/**
 * Files that make a tokenizer again where there is no config.json beside them, as save_pretrained of transformers writes them: a converted
 * vocabulary as tokenizer.json, and the class by its name.
 */
import type { EngineConfig } from '../../engine/engine.js'
import { type ChosenClass, chosenAlone, FILE_DECIDES } from '../classes/class-name.js'
import type { JsonObject } from '../json-value.js'
import type { PostProcessor, TemplateStep } from '../post-process.js'
import type { SpecialTokenName } from '../special-tokens.js'

/** A tokenizer that was read. */
export interface ReadTokenizer {
  /** Its texts, and that of config.json. */
  readonly texts: ReadonlyMap<string, string>
  /** tokenizer_config.json. */
  readonly config: JsonObject
  readonly chosen: ChosenClass | undefined
  /** What a conversion made of it. */
  readonly converted:
    | {
        readonly engineConfig: EngineConfig
        readonly postProcessor: PostProcessor
        readonly idOf: ReadonlyMap<string, number>
        /** Content of the named tokens. */
        readonly named: Readonly<Partial<Record<SpecialTokenName, string>>>
        /** Whether the class would put other tokens around texts beside a tokenizer.json. */
        readonly losesAround: boolean
      }
    | undefined
}

/** The files by name; unchanged where they say all that there is to know. */
export function savedTexts({ texts, config, chosen, converted }: ReadTokenizer): Map<string, string> {
  const saved = new Map(texts)
  saved.delete('config.json')
  const name = converted?.losesAround === true ? undefined : chosen?.name
  const tokens = Object.entries(converted?.named ?? {}).map(([token, content]) => [`${token}_token`, content])
  if (converted !== undefined) saved.set('tokenizer.json', fileOf(converted))
  if (converted === undefined && chosenAlone(config) === name) return saved
  const tokenizer_class = chosenAlone(config) === name ? config.tokenizer_class : (name ?? FILE_DECIDES)
  const named = { ...Object.fromEntries(tokens), ...config, tokenizer_class }
  saved.set('tokenizer_config.json', `${JSON.stringify(named, null, 2)}\n`)
  return saved
}

function fileOf({ engineConfig, postProcessor, idOf }: NonNullable<ReadTokenizer['converted']>): string {
  const { normalizer, pre_tokenizer, decoder, model, added_tokens } = engineConfig
  const entry = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [...added_tokens].sort((a, b) => a.id - b.id),
    normalizer: normalizer ?? null,
    pre_tokenizer: pre_tokenizer ?? null,
    post_processor: templateOf(postProcessor, idOf),
    decoder: decoder ?? null,
    model,
  }
  return JSON.stringify(entry)
}

function templateOf({ single, pair }: PostProcessor, idOf: ReadonlyMap<string, number>): JsonObject {
  const tokens = new Map(Array.from(idOf, ([token, id]) => [id, token]))
  const used = new Map<string, number>()
  const written = (step: TemplateStep): readonly JsonObject[] => {
    if (step.kind === 'sequence') return [{ Sequence: { id: step.which, type_id: step.typeId } }]
    return step.ids.map((id) => {
      const token = tokens.get(id) as string
      used.set(token, id)
      return { SpecialToken: { id: token, type_id: step.typeId } }
    })
  }
  const [one, two] = [single.flatMap(written), pair.flatMap(written)]
  const special_tokens = Object.fromEntries(
    Array.from(used, ([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
  )
  return { type: 'TemplateProcessing', single: one, pair: two, special_tokens }
}
