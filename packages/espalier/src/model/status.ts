/** What adapters do to a model right now, layer by layer and in sum: PEFT's get_layer_status and get_model_status in camelCase. */
import type { LayerKind } from '@espalier/core'
import { requirePeftModel } from './known-model-options.js'
import type { PeftModel } from './peft-model.js'

/** One adapted layer. */
export interface LayerStatus {
  /** PEFT's name of the layer: its path below the adapted model. */
  readonly name: string
  /** `lora.Linear` */
  readonly moduleType: string
  readonly enabled: boolean
  readonly activeAdapters: readonly string[]
  readonly mergedAdapters: readonly string[]
  /** By adapter: whether its tensors here train. */
  readonly requiresGrad: Readonly<Record<string, boolean>>
  readonly availableAdapters: readonly string[]
  readonly devices: Readonly<Record<string, readonly string[]>>
}

/** The whole model. */
export interface ModelStatus extends Omit<LayerStatus, 'name' | 'moduleType'> {
  /** `LlamaForCausalLM` */
  readonly baseModelType: string
  /** `LoraModel` */
  readonly adapterModelType: string
  readonly peftTypes: Readonly<Record<string, string>>
  readonly trainableParams: number
  readonly totalParams: number
  readonly numAdapterLayers: number
}

/** The status of every layer that some adapter changes, in the order of the adapters' own. */
export function getLayerStatus(model: PeftModel): LayerStatus[] {
  requirePeftModel(model)
  const layers = new Map<string, { readonly wrapper: string; readonly adapters: string[] }>()
  for (const name of model.adapterNames) {
    for (const { path, kind, parameter } of model.adapted.adapter(name).sites) {
      const place = parameter?.filePath ?? path
      const known = layers.get(place)
      if (known === undefined)
        layers.set(place, { wrapper: parameter === undefined ? wrapperOf(kind) : 'ParamWrapper', adapters: [name] })
      else known.adapters.push(name)
    }
  }
  return [...layers].map(([path, { wrapper, adapters }]) => ({
    name: `model.${path}`,
    moduleType: `${kindOf(model)}.${wrapper}`,
    ...stateOf(model, adapters),
  }))
}

function wrapperOf(kind: LayerKind): string {
  return kind === 'embedding' ? 'Embedding' : 'Linear'
}

/** The status of the model. */
export function getModelStatus(model: PeftModel): ModelStatus {
  requirePeftModel(model)
  const { trainable, all } = model.adapted.parameterCounts()
  const kind = kindOf(model)
  return {
    baseModelType: model.base.model.className,
    // PEFT spells names with digits in capitals: IA3Model.
    adapterModelType: `${/\d/.test(kind) ? kind.toUpperCase() : kind.charAt(0).toUpperCase() + kind.slice(1)}Model`,
    peftTypes: Object.fromEntries(model.adapterNames.map((name) => [name, kind.toUpperCase()])),
    trainableParams: trainable,
    totalParams: all,
    numAdapterLayers: getLayerStatus(model).length,
    ...stateOf(model, model.adapterNames),
  }
}

function kindOf({ adapted, adapterNames }: PeftModel): string {
  const [first] = adapterNames
  return first === undefined ? '' : adapted.adapter(first).tuner.kind
}

function stateOf({ adapted, backend }: PeftModel, names: readonly string[]): Omit<LayerStatus, 'name' | 'moduleType'> {
  const { activeAdapters, mergedAdapters, trainedAdapters, isEnabled } = adapted
  return {
    enabled: isEnabled,
    activeAdapters,
    mergedAdapters: mergedAdapters.filter((name) => names.includes(name)),
    requiresGrad: Object.fromEntries(names.map((name) => [name, trainedAdapters.includes(name)])),
    availableAdapters: [...names],
    devices: Object.fromEntries(names.map((name) => [name, [backend.name]])),
  }
}
