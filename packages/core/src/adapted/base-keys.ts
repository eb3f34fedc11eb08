/** The base model's own tensors beside an adapter, by the keys that PEFT's state in memory has for them. */
import type { Model } from '../model/model.js'
import { childParameters, joinPath } from '../module/module.js'
import type { Parameter } from '../module/parameter.js'
import { namedModules } from '../module/tree.js'
import type { Adapter } from '../tuner/adapter.js'

/**
 * The parameters by key, in the order in which PEFT loads them: `<path>.base_layer.weight` of a targeted layer,
 * `<path>.original_module.weight` of a module that is saved in full, else the path. A tied parameter has several keys.
 */
export function baseKeys(model: Model, { sites, saved }: Pick<Adapter, 'sites' | 'saved'>): Map<string, Parameter> {
  const targets = new Set(sites.flatMap(({ paths }) => paths))
  const keys = new Map<string, Parameter>()
  for (const { module, paths } of namedModules(model)) {
    for (const path of paths) {
      const place = targets.has(path) ? joinPath(path, 'base_layer') : originalPath(path, saved)
      for (const { name, value } of childParameters(module)) keys.set(joinPath(place, name), value)
    }
  }
  return keys
}

function originalPath(path: string, saved: Adapter['saved']): string {
  const above = saved.find((module) => path === module.path || path.startsWith(`${module.path}.`))
  return above === undefined ? path : `${above.path}.original_module${path.slice(above.path.length)}`
}
