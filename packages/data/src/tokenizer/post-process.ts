/**
 * Where special tokens go around one or two sequences, and which token type each position has, from the `post_processor` of
 * tokenizer.json. The engine's own post-processing is not used: it works after truncation only with tokens as strings, and gives no
 * token types for byte-level pairs.
 */
import { EspalierError } from '@espalier/core'
import { asArray, asObject, asString, asTokenId, fileError, type JsonObject } from './json-value.js'

const FILE = 'tokenizer.json'
const DEEPEST = 16 // levels of sequences in sequences

/** One step of a template: a sequence, or special tokens, with their token type. */
export type TemplateStep =
  | { readonly kind: 'sequence'; readonly which: 'A' | 'B'; readonly typeId: number }
  | { readonly kind: 'special'; readonly ids: readonly number[]; readonly typeId: number }

/** How one sequence and how two are put together. */
export interface PostProcessor {
  readonly single: readonly TemplateStep[]
  readonly pair: readonly TemplateStep[]
}

/** Ids, token types, a mask of special tokens, and what each position is of, of one input. */
export interface Assembled {
  readonly ids: number[]
  readonly typeIds: number[]
  readonly specialMask: number[]
  /** Which sequence each position is of: 0 or 1; null of special tokens. */
  readonly sequenceIds: (number | null)[]
}

/** A sequence with its token type. */
export const sequence = (which: 'A' | 'B', typeId: number): TemplateStep => ({ kind: 'sequence', which, typeId })
/** A special token with its token type. */
export const special = (id: number, typeId: number): TemplateStep => ({ kind: 'special', ids: [id], typeId })

const plain: PostProcessor = { single: [sequence('A', 0)], pair: [sequence('A', 0), sequence('B', 1)] }

/** The post-processor that a `post_processor` entry describes; null adds nothing. Throws tokenizer.file, or config.unsupported for an unknown type. */
export function parsePostProcessor(value: unknown): PostProcessor {
  return parsed(value, 0)
}

function parsed(value: unknown, depth: number): PostProcessor {
  if (value === null || value === undefined) return plain
  const config = asObject(FILE, 'post_processor', value)
  switch (config.type) {
    case 'ByteLevel':
      return plain
    case 'TemplateProcessing':
      return parseTemplate(config)
    case 'BertProcessing': {
      const [cls, sep] = [clsOrSep(config, 'cls'), clsOrSep(config, 'sep')]
      const single = [special(cls, 0), sequence('A', 0), special(sep, 0)]
      return { single, pair: [...single, sequence('B', 1), special(sep, 1)] }
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [clsOrSep(config, 'cls'), clsOrSep(config, 'sep')]
      const single = [special(cls, 0), sequence('A', 0), special(sep, 0)]
      return { single, pair: [...single, special(sep, 0), sequence('B', 0), special(sep, 0)] }
    }
    case 'Sequence':
      if (depth > DEEPEST) throw fileError(FILE, 'entries are nested too deeply', { place: 'post_processor' })
      return parseSequence(config, depth)
    default:
      throw unsupported(config.type)
  }
}

/** Whether offsets leave out the space that a byte-level token begins or ends with, by a `post_processor` entry. */
export function trimsOffsets(value: unknown): boolean {
  const entry = value as { type?: unknown; trim_offsets?: unknown; processors?: unknown } | null | undefined
  if (entry?.type === 'ByteLevel' || entry?.type === 'RobertaProcessing') return entry.trim_offsets !== false
  return Array.isArray(entry?.processors) && entry.processors.some(trimsOffsets)
}

/** How many special tokens the post-processor adds. */
export function addedTokenCount(postProcessor: PostProcessor, isPair: boolean): number {
  const steps = isPair ? postProcessor.pair : postProcessor.single
  return steps.reduce((sum, step) => sum + (step.kind === 'special' ? step.ids.length : 0), 0)
}

/** One or two sequences of ids, put together. */
export function assemble(
  postProcessor: PostProcessor,
  a: readonly number[],
  b: readonly number[] | undefined,
  addSpecialTokens: boolean,
): Assembled {
  const result: Assembled = { ids: [], typeIds: [], specialMask: [], sequenceIds: [] }
  for (const step of b === undefined ? postProcessor.single : postProcessor.pair) {
    if (step.kind === 'special' && !addSpecialTokens) continue
    const ids = step.kind === 'special' ? step.ids : step.which === 'A' ? a : (b ?? [])
    for (const id of ids) {
      result.ids.push(id)
      result.typeIds.push(step.typeId)
      result.specialMask.push(step.kind === 'special' ? 1 : 0)
      result.sequenceIds.push(step.kind === 'special' ? null : step.which === 'A' ? 0 : 1)
    }
  }
  return result
}

function parseTemplate(config: JsonObject): PostProcessor {
  const specials = asObject(FILE, 'post_processor.special_tokens', config.special_tokens ?? {})
  const parseSteps = (key: 'single' | 'pair') =>
    asArray(FILE, `post_processor.${key}`, config[key]).map((item, index) => {
      const place = `post_processor.${key}[${index}]`
      return parseStep(specials, place, asObject(FILE, place, item))
    })
  return { single: parseSteps('single'), pair: parseSteps('pair') }
}

function parseStep(specials: JsonObject, place: string, item: JsonObject): TemplateStep {
  if (item.Sequence !== undefined) {
    const entry = asObject(FILE, place, item.Sequence)
    const typeId = asTokenId(FILE, `${place}.type_id`, entry.type_id ?? 0)
    if (entry.id === 'A' || entry.id === 'B') return sequence(entry.id, typeId)
    throw fileError(FILE, 'a template names a sequence other than A and B', { place, id: entry.id })
  }
  const entry = asObject(FILE, place, item.SpecialToken)
  const name = asString(FILE, `${place}.id`, entry.id)
  const known = Object.hasOwn(specials, name) ? asObject(FILE, `special_tokens.${name}`, specials[name]) : undefined
  if (known === undefined)
    throw fileError(FILE, 'a template uses a special token that it does not define', { place, token: name })
  const ids = asArray(FILE, `special_tokens.${name}.ids`, known.ids).map((id) =>
    asTokenId(FILE, `special_tokens.${name}.ids`, id),
  )
  return { kind: 'special', ids, typeId: asTokenId(FILE, `${place}.type_id`, entry.type_id ?? 0) }
}

function parseSequence(config: JsonObject, depth: number): PostProcessor {
  const processors = asArray(FILE, 'post_processor.processors', config.processors)
  const adding = processors.map((value) => parsed(value, depth + 1)).filter((processor) => processor !== plain)
  if (adding.length > 1) throw unsupported('Sequence of several that add tokens')
  return adding[0] ?? plain
}

function clsOrSep(config: JsonObject, key: 'cls' | 'sep'): number {
  return asTokenId(FILE, `post_processor.${key}`, asArray(FILE, `post_processor.${key}`, config[key])[1])
}

function unsupported(type: unknown): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'this kind of post_processor is not known',
    got: { file: FILE, type },
    fix: 'Use a tokenizer whose tokenizer.json has a TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel post_processor.',
  })
}
