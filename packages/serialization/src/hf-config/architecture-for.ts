/** Finding the architecture of a model type. */
import { type Architecture, EspalierError } from '@espalier/core'
import { nearestModelType } from './nearest-model-type.js'

/** The architecture with this model_type. folder: whose configuration says it. Throws plugin.unknown, naming the nearest type that there is. */
export function architectureFor(
  modelType: string,
  architectures: readonly Architecture[],
  folder: string,
): Architecture {
  const found = architectures.find((architecture) => architecture.modelType === modelType)
  if (found !== undefined) return found
  const known = architectures.map((architecture) => architecture.modelType)
  const near = nearestModelType(modelType, known)
  throw new EspalierError('plugin.unknown', {
    what: 'no architecture has this model_type',
    got: { modelType, ...(near && { nearest: near }), known, folder },
    fix: `Use a model of ${near === undefined ? 'a type in that list' : `type ${near}, the nearest`}, or pass the architecture.`,
  })
}
