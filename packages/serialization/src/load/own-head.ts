/** A head that config.json ties to the token table, in a file that holds another weight for it: as transformers 5, the file decides. */
import { EspalierError, LanguageModel, MaskedLM, type Model, namedParameters, parameterUses } from '@espalier/core'
import type { LocatedTensor } from '../safetensors/sharded.js'

/** What config.json should have said of a head that shares its weight in the model, and has another in the file. */
export interface OwnHead {
  readonly config: Readonly<Record<string, unknown>>
  readonly warning: string
}

/** The head, where the file's weight for it differs from the weight that it shares; undefined where the file has none, or a copy. tensorOf: the file's tensor for a path of the model. Throws model.unsupported where the architecture has no such head, model.parameters where the file lacks its bias. */
export async function ownHead(
  model: Model,
  tensorOf: (path: string) => LocatedTensor | undefined,
): Promise<OwnHead | undefined> {
  if (!(model instanceof LanguageModel || model instanceof MaskedLM)) return undefined
  const head = new Set(model.outputLayers().flatMap((module) => [...namedParameters(module).values()]))
  const uses = parameterUses(model).filter(({ parameter, path }) => head.has(parameter) && path !== parameter.path)
  for (const { parameter, path } of uses) {
    if (parameter.shape.length !== 2) continue
    const [shared, own] = [tensorOf(parameter.path), tensorOf(path)]
    if (shared === undefined || own === undefined || shared === own || (await areEqual(shared, own))) continue
    if (model.untiedConfig === null)
      throw new EspalierError('model.unsupported', {
        what: 'the file has a weight of its own for the head, and this model has no such head',
        got: { className: model.className, head: own.name, shared: shared.name },
        fix: 'Load a file whose head shares the token table.',
      })
    const missing = uses.map((use) => use.path).filter((use) => tensorOf(use) === undefined)
    if (missing.length > 0)
      throw new EspalierError('model.parameters', {
        what: 'the file has a weight of its own for the head, and not all that belongs to it',
        got: { head: own.name, missing },
        fix: 'Save the model again with transformers, which writes both.',
      })
    return {
      config: model.untiedConfig,
      warning: `config.json says that ${own.name} is ${shared.name}, and the weights hold both with different values: each is used as it is, as by transformers; set tie_word_embeddings to false`,
    }
  }
  return undefined
}

const PART = 16 * 2 ** 20 // bytes that are compared at a time

async function areEqual(a: LocatedTensor, b: LocatedTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.byteLength !== b.byteLength || String(a.shape) !== String(b.shape)) return false
  for (let start = 0; start < a.byteLength; start += PART) {
    const end = Math.min(start + PART, a.byteLength)
    const [left, right] = await Promise.all([a.readRange(start, end), b.readRange(start, end)])
    if (left.some((byte, i) => byte !== right[i])) return false
  }
  return true
}
