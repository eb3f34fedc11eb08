/** Modules that an adapter trains in full (`modulesToSave`): which they are, and the keys of their tensors. */
import type { Model } from '../model/model.js'
import { joinPath } from '../module/module.js'
import { refusePacked } from '../module/packed.js'
import type { Parameter } from '../module/parameter.js'
import { moduleAt, parameterUses } from '../module/tree.js'
import type { SavedModule } from '../tuner/adapter.js'
import { modulesOf } from '../tuner/targets.js'

/** The modules whose paths end with a name, by PEFT's rule, but those without parameters or below another one. Throws model.quantized for packed ones. */
export function findSaved(model: Model, names: readonly string[]): SavedModule[] {
  const saved: SavedModule[] = []
  for (const { paths } of modulesOf(model)) {
    const path = paths.find((candidate) => candidate !== '' && names.some((name) => candidate.endsWith(name)))
    if (path === undefined || saved.some((other) => path.startsWith(`${other.path}.`))) continue
    const keys = savedKeys(model, path)
    refusePacked(model, keys.keys())
    if (keys.size > 0) saved.push({ path, parameters: [...keys.values()] })
  }
  return saved
}

/** The parameters of a saved module with the keys of their values, `<module path>.<name>`: a tied one gets a value for this module alone. */
export function savedKeys(model: Model, path: string): Map<Parameter, string> {
  const keys = new Map<Parameter, string>()
  for (const use of parameterUses(moduleAt(model, path)))
    if (!keys.has(use.parameter)) keys.set(use.parameter, joinPath(path, use.path))
  return keys
}
