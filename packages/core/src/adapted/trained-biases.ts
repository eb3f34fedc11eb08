/** Biases of the base model that an adapter trains (PEFT's `bias`): which they are, the keys of their values, and the tree in which they train. */
import type { Model } from '../model/model.js'
import type { Parameter } from '../module/parameter.js'
import { mapParameterUses, parameterUses } from '../module/tree.js'
import type { ParameterSource } from '../parameter-source.js'
import type { Adapter, AdapterParts, SavedModule } from '../tuner/adapter.js'
import type { TargetConfig } from '../tuner/families.js'
import { savedKeys } from './saved-modules.js'

const NAME = 'bias'

/** Biases that train besides an adapter's own tensors: 'none', 'all', or the method's word for those of targeted layers. */
export function biasOf(config: object): string {
  return (config as TargetConfig).bias ?? 'none'
}

/** Biases that train, and what PEFT writes besides: them by all their names, and the biases of modules that are saved in full once more. */
export interface FoundBiases extends Pick<AdapterParts, 'biases'> {
  readonly repeated: Map<string, string | ParameterSource>
}

/**
 * The biases that a configuration lets train: all of the model's, or those of targeted layers; never one in a module that is saved in full,
 * which has its own. A bias of several layers is one with several names.
 */
export function findBiases(
  model: Model,
  config: object,
  { name, sites, saved }: Pick<AdapterParts, 'name' | 'sites' | 'saved'>,
): FoundBiases {
  const mode = biasOf(config)
  const repeated = new Map<string, string | ParameterSource>()
  if (mode === 'none') return { biases: [], repeated }
  const siteOf = new Map(sites.flatMap((site) => site.paths.map((path) => [path, site] as const)))
  const biases = biasesOf(model, saved).flatMap(({ parameter, paths }) => {
    const keys = [...new Set([parameter.path, ...paths])].flatMap((path) => {
      const site = siteOf.get(moduleOf(path))
      if (site !== undefined) return [`${site.path}.base_layer.${NAME}`]
      return mode === 'all' ? [path] : []
    })
    const [key, ...others] = keys
    if (key === undefined) return []
    for (const other of others) repeated.set(other, key)
    return [{ key, parameter, paths }]
  })
  if (mode === 'all') for (const module of saved) repeatSaved(model, name, module, repeated)
  return { biases, repeated }
}

// In memory PEFT has such a module twice, as it was and as it trains. Where the bias is deeper, its name in the file keeps the adapter's.
function repeatSaved(
  model: Model,
  adapter: string,
  { path }: SavedModule,
  repeated: Map<string, string | ParameterSource>,
) {
  for (const [{ source }, key] of savedKeys(model, path)) {
    if (!isNamedBias(key)) continue
    const name = key.slice(path.length + 1)
    repeated.set(`${path}.original_module.${name}`, source)
    repeated.set(`${path}.modules_to_save.${name === NAME ? name : `${adapter}.${name}`}`, key)
  }
}

/** The tree in which the biases that adapters train are state; where an active adapter has a module of its own, that one's stay. */
export function withTrainedBiases(base: Model, adapters: readonly Adapter[], prefix: (index: number) => string): Model {
  const saved = adapters.flatMap((adapter) => adapter.saved)
  const trained = new Map<string, Parameter>()
  for (const [index, { biases }] of adapters.entries()) {
    for (const { key, parameter, paths } of biases) {
      const state = parameter.asState(prefix(index) + key)
      for (const path of paths) if (!isWithin(path, saved)) trained.set(path, state)
    }
  }
  return trained.size === 0 ? base : mapParameterUses(base, (parameter, path) => trained.get(path) ?? parameter)
}

/** The model's biases once each, with the uses that lie outside modules that are saved in full. */
function biasesOf(model: Model, saved: readonly SavedModule[]): { parameter: Parameter; paths: string[] }[] {
  const found = new Map<Parameter, string[]>()
  for (const { parameter, path } of parameterUses(model)) {
    if (parameter.isBuffer || !isNamedBias(path) || isWithin(path, saved)) continue
    found.set(parameter, [...(found.get(parameter) ?? []), path])
  }
  return [...found].map(([parameter, paths]) => ({ parameter, paths }))
}

function isNamedBias(path: string): boolean {
  return path === NAME || path.endsWith(`.${NAME}`)
}

function isWithin(path: string, saved: readonly SavedModule[]): boolean {
  return saved.some((module) => path.startsWith(`${module.path}.`))
}

function moduleOf(path: string): string {
  return path.slice(0, -`.${NAME}`.length)
}
