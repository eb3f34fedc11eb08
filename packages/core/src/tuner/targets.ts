/** Which modules a configuration means: PEFT's matching rules, exactly. */
import { EspalierError } from '../errors.js'
import type { Model } from '../model/model.js'
import { LanguageModel, MaskedLM } from '../model/model.js'
import { type Adaptable, isAdaptable } from '../module/adaptable.js'
import type { Module } from '../module/module.js'
import { type NamedModule, namedModules } from '../module/tree.js'
import type { LayerTuner, ParameterTargetConfig, Site, TargetConfig } from './families.js'
import { matchesPath } from './matches-path.js'
import { targetedParameters } from './parameter-targets.js'
import { fullMatch, layerPattern } from './python-regex.js'

/** A site with its layer. */
export interface TargetedLayer {
  readonly site: Site
  readonly layer: Adaptable
}

/** Whether a module is a target, by PEFT's order: excluded, saved in full, pattern, exact path, ends of paths within chosen layers. */
export function isTarget(path: string, config: TargetConfig): boolean {
  const { targetModules, excludeModules, modulesToSave, layersToTransform, layersPattern } = config
  if (excludeModules != null && excludeModules.length > 0 && matchesPath(path, excludeModules)) return false
  if (isSaved(path, modulesToSave) || targetModules == null) return false
  if (typeof targetModules === 'string') return fullMatch(targetModules).test(path)
  if (targetModules.includes(path)) return true
  if (!matchesPath(path, targetModules)) return false
  if (!choosesLayers(config)) return true
  const index = layerIndex(path, layersPattern)
  return (
    index !== undefined &&
    (typeof layersToTransform === 'number'
      ? index === layersToTransform
      : (layersToTransform as readonly number[]).includes(index))
  )
}

/** Whether a module, or one above it, is saved in full. */
export function isSaved(path: string, modulesToSave: readonly string[] | null | undefined): boolean {
  return (modulesToSave ?? []).some((name) => `.${path}.`.includes(`.${name}.`))
}

/**
 * The layers that a configuration targets. Throws target.none, listing the names that exist, and target.unsupported for matched modules
 * that the tuner cannot adapt.
 */
export function findTargets(model: Model, tuner: LayerTuner, config: ParameterTargetConfig): TargetedLayer[] {
  const modules = modulesOf(model).filter(({ path }) => path !== '')
  const kinds = tuner.layers ?? ['linear', 'conv1d']
  const found: TargetedLayer[] = []
  const unsupported: string[] = []
  for (const { module, paths } of modules) {
    const path = paths.find((candidate) => isTarget(candidate, config))
    if (path === undefined) continue
    if (isAdaptable(module) && kinds.includes(module.kind))
      found.push({ layer: module, site: siteOf(module, path, paths) })
    else unsupported.push(`${path} (${module.constructor.name})`)
  }
  if (unsupported.length > 0) {
    throw new EspalierError('target.unsupported', {
      what: 'matched modules cannot be adapted by this method',
      got: { kind: tuner.kind, modules: unsupported, layers: kinds },
      fix: 'Narrow targetModules',
    })
  }
  found.push(...targetedParameters(model, config))
  if (found.length === 0) {
    throw new EspalierError('target.none', {
      what: 'no module matched targetModules',
      got: {
        targetModules: config.targetModules,
        ...(config.targetParameters == null ? {} : { targetParameters: config.targetParameters }),
        excludeModules: config.excludeModules ?? null,
        layersToTransform: config.layersToTransform ?? null,
        names: layerNames(modules),
      },
      fix: 'Use names from that list, or all-linear',
    })
  }
  return found
}

/**
 * The configuration made explicit, so that PEFT reads the same from a file: 'all-linear' and the model type's default become lists; where
 * layers are chosen by number alone and PEFT would not find them, the model's own lists of layers are named. Throws target.none.
 */
export function resolveTargets<C extends ParameterTargetConfig>(
  config: C,
  model: Model,
  defaults: readonly string[] | string | undefined,
  modelType: string,
): C {
  const named = withNamedLayers(config, model)
  const { targetModules } = named
  if (targetModules == null) {
    if ((config.targetParameters ?? []).length > 0 && (defaults ?? []).length === 0)
      return { ...named, targetModules: [] }
    if (defaults === undefined || defaults.length === 0) {
      throw new EspalierError('target.none', {
        what: 'this model type has no default targets',
        got: { modelType, names: layerNames(modulesOf(model)) },
        fix: 'Give targetModules',
      })
    }
    return { ...named, targetModules: typeof defaults === 'string' ? defaults : [...defaults] }
  }
  if (typeof targetModules === 'string' && targetModules.toLowerCase() === 'all-linear')
    return { ...named, targetModules: allLinear(model) }
  return named
}

/** From 20 names on, the shortest ends that match the same modules, as PEFT does; fewer names stay as they are. */
export function condenseTargets(targets: readonly string[], allPaths: readonly string[]): readonly string[] {
  if (targets.length < CONDENSE_FROM) return targets
  const taken = new Set(allPaths.filter((path) => !matchesPath(path, targets)).flatMap(endsOf))
  const chosen = new Set<string>()
  for (const target of targets) {
    if ([...chosen].some((end) => target.endsWith(`.${end}`))) continue
    const shortest = endsOf(target).find((end) => !chosen.has(end) && !taken.has(end))
    if (shortest !== undefined) chosen.add(shortest)
  }
  return chosen.size > 0 && chosen.size < targets.length ? [...chosen] : targets
}

const CONDENSE_FROM = 20 // PEFT's MIN_TARGET_MODULES_FOR_OPTIMIZATION

/** Linear and Conv1D layers but for the head. */
export function allLinear(model: Model): string[] {
  const heads = headLayers(model)
  const outputs = model.task === 'SEQ_CLS' ? ['score', 'classifier'] : []
  return modulesOf(model).flatMap(({ path, module }) =>
    isAdaptable(module) && module.kind !== 'embedding' && !heads.includes(module) && !outputs.includes(path)
      ? [path]
      : [],
  )
}

/** The modules that names of modules may mean: what stands for a parameter is none to PEFT. */
export function modulesOf(model: Model): NamedModule[] {
  return namedModules(model).filter(({ module }) => !module.isParameter)
}

function headLayers(model: Model): readonly Module[] {
  return model instanceof LanguageModel || model instanceof MaskedLM ? model.outputLayers() : []
}

function siteOf(layer: Adaptable, path: string, paths: readonly string[]): Site {
  return { path, paths, kind: layer.kind, inSize: layer.inSize, outSize: layer.outSize, hasBias: layer.bias !== null }
}

// Without a pattern PEFT wants something before a list's name, but a bare model's list begins the path.
function withNamedLayers<C extends TargetConfig>(config: C, { layerPaths }: Model): C {
  const isFound = layerPaths.every((path) => path.includes('.'))
  return isFound || !choosesLayers(config) || !isEmpty(config.layersPattern)
    ? config
    : { ...config, layersPattern: [...layerPaths] }
}

/** Whether a configuration takes some layers only. */
function choosesLayers({ layersToTransform }: TargetConfig): boolean {
  return layersToTransform != null && !(Array.isArray(layersToTransform) && layersToTransform.length === 0)
}

function isEmpty(pattern: readonly string[] | string | null | undefined): pattern is null | undefined {
  return pattern == null || pattern.length === 0
}

/** The number of the layer that a path lies in: the first `.word.digits.`, or the digits after the first pattern found. */
function layerIndex(path: string, pattern: readonly string[] | string | null | undefined): number | undefined {
  const patterns = isEmpty(pattern) ? [] : typeof pattern === 'string' ? [pattern] : pattern
  if (patterns.length === 0) {
    // PEFT wants something before the word; a pattern may begin the path.
    const digits = /^.*?\.[^.]*\.(\d+)\./.exec(path)?.[1]
    return digits === undefined ? undefined : Number(digits)
  }
  for (const each of patterns) {
    const index = layerPattern(each).layerIndex(path)
    if (index !== undefined) return index
  }
  return undefined
}

/** Distinct names of adaptable layers with layer numbers as *, for messages. */
function layerNames(modules: readonly NamedModule[]): string[] {
  return [
    ...new Set(
      modules.filter(({ module }) => isAdaptable(module)).map(({ path }) => path.replace(/\.\d+(?=\.)/g, '.*')),
    ),
  ]
}

function endsOf(path: string): string[] {
  const parts = path.split('.')
  return parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'))
}
