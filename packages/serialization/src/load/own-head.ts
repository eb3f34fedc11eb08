/** A head that config.json ties to the token table, in a file that holds another weight for it: as transformers 5, the file decides. */
import {
  EspalierError,
  LanguageModel,
  MaskedLM,
  type Model,
  namedParameters,
  type ParameterUse,
  parameterUses,
} from '@espalier/core'
import { areEqual } from '../safetensors/are-equal.js'
import type { LocatedTensor } from '../safetensors/sharded.js'

/** What config.json should have said of a head that shares its weight in the model, and has another in the file. */
export interface OwnHead {
  readonly config: Readonly<Record<string, unknown>>
  readonly warning: string
}

/** The head, where the file's weight for it differs from the weight that it shares; undefined where the file has none, or a copy. tensorOf: the file's tensor for a path of the model. Throws model.unsupported where the architecture has no such head, or the file a second bias alone, model.parameters where the file lacks its bias. */
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
    if (shared === undefined || own === undefined || (await areEqual(shared, own))) continue
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
  await refuseOtherBias(uses, tensorOf)
  return undefined
}

// transformers would compute with the bias of the projection, which here has none of its own while its weight is shared.
async function refuseOtherBias(
  uses: readonly ParameterUse[],
  tensorOf: (path: string) => LocatedTensor | undefined,
): Promise<void> {
  for (const { parameter, path } of uses) {
    const [shared, own] = [tensorOf(parameter.path), tensorOf(path)]
    if (shared === undefined || own === undefined || (await areEqual(shared, own))) continue
    throw new EspalierError('model.unsupported', {
      what: 'the file has two biases for one head, and they differ',
      got: { biases: [shared.name, own.name] },
      fix: `Keep the one that the model was trained with; transformers computes with ${own.name}.`,
    })
  }
}
