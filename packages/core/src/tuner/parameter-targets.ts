/** Which parameters a configuration means: those of modules that are no layers, by PEFT's rule. */
import { EspalierError } from '../errors.js'
import type { Model } from '../model/model.js'
import { type Adaptable, isAdaptable } from '../module/adaptable.js'
import { namedModules, parameterUses } from '../module/tree.js'
import type { ParameterTargetConfig, Site } from './families.js'
import { matchesPath } from './matches-path.js'

/** A parameter as a site, with the module that stands for it. */
export interface TargetedParameter {
  readonly site: Site
  readonly layer: Adaptable
}

/**
 * The parameters that `targetParameters` names, by whole path or its end. Those of one module nest in their order in it, the first one
 * innermost. Throws target.unsupported for parameters of layers, norms and tables.
 */
export function targetedParameters(model: Model, { targetParameters }: ParameterTargetConfig): TargetedParameter[] {
  const names = targetParameters ?? []
  if (names.length === 0) return []
  const standing = namedModules(model).filter(({ module }) => module.isParameter)
  const own = new Set(standing.flatMap(({ paths }) => paths))
  const others = parameterUses(model).filter(({ path }) => !own.has(path) && matchesPath(path, names))
  if (others.length > 0)
    throw new EspalierError('target.unsupported', {
      what: 'targetParameters can name only parameters of modules that are no layers',
      got: { parameters: others.map(({ path }) => path), known: [...own] },
      fix: 'Name layers in targetModules',
    })
  const matched = standing.flatMap(({ module, paths }) => {
    const path = paths.find((candidate) => matchesPath(candidate, names))
    return path !== undefined && isAdaptable(module) ? [{ path, paths, layer: module }] : []
  })
  return matched.map(({ path, paths, layer }, i) => {
    const holder = holderOf(path)
    const behind = matched.slice(i + 1).filter((other) => holderOf(other.path) === holder).length
    const { kind, inSize, outSize } = layer
    const experts = kind === 'experts' ? (layer.weight.shape[0] as number) : 1
    const parameter = { experts, filePath: holder + '.base_layer'.repeat(behind) }
    return { layer, site: { path, paths, kind, inSize, outSize, hasBias: false, parameter } }
  })
}

function holderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('.'))
}
