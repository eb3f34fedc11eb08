/** Which layers transformers leaves in floats when it quantizes a model, and which were left. */
import {
  type Architecture,
  isAdaptable,
  LanguageModel,
  MaskedLM,
  type Model,
  type Module,
  namedModules,
  packedParameters,
  parameterUses,
} from '@espalier/core'

/** Layers by path. */
export interface LeftInFloats {
  /** Output embeddings, and the layer of the model's last parameter where that is a weight. */
  readonly outputs: ReadonlySet<string>
  /** Whether the family computes the layer in floats whatever the rest is in. */
  isFloatLayer(path: string): boolean
}

/** What of a model in floats is to stay so. Source: get_keys_to_not_convert of transformers 5. */
export function leftInFloats(model: Model, { floatLayers = [] }: Architecture): LeftInFloats {
  const heads = new Set<Module>(outputLayers(model))
  const outputs = namedModules(model).flatMap(({ module, paths }) => (heads.has(module) ? paths : []))
  const last = parameterUses(model).at(-1)?.path ?? ''
  const named = new Set(floatLayers)
  return {
    outputs: new Set([...outputs, ...(last.endsWith(WEIGHT) ? [last.slice(0, -WEIGHT.length)] : [])]),
    isFloatLayer: (path) => named.has(path.slice(path.lastIndexOf('.') + 1)),
  }
}

/** Paths of the linear layers that a model keeps in floats beside packed ones; of those that share a weight with a table, too. */
export function floatLinears(model: Model): string[] {
  const packed = packedParameters(model)
  return namedModules(model).flatMap(({ module, paths }) =>
    isAdaptable(module) && module.kind !== 'embedding' && !module.weight.parameters.some((each) => packed.has(each))
      ? paths
      : [],
  )
}

const WEIGHT = '.weight'

function outputLayers(model: Model): readonly Module[] {
  return model instanceof LanguageModel || model instanceof MaskedLM ? model.outputLayers() : []
}
