/** Trees with adapters in them: layers wrapped, saved modules and trained biases replaced by trainable copies. */
import type { Spec } from '../dtype.js'
import type { Model } from '../model/model.js'
import { isAdaptable } from '../module/adaptable.js'
import { Parameter } from '../module/parameter.js'
import { mapModules, mapParameters } from '../module/tree.js'
import { AdaptedLayer, AdapterPart, SiteState } from '../tuner/adapted-layer.js'
import { type Adapter, bufferKey, siteFileKeys, siteKey } from '../tuner/adapter.js'
import type { Site } from '../tuner/families.js'
import { sharedKeys } from '../tuner/shared-state.js'
import { savedKeys } from './saved-modules.js'
import { withTrainedBiases } from './trained-biases.js'

/** The tree with active adapters around their layers; adapter i keeps its tensors in state slots `adapter<i>:<key>`. */
export function adaptedTree(base: Model, adapters: readonly Adapter[]): Model {
  const partsAt = partsOf(adapters, slotPrefix)
  return mapModules(withTrainedBiases(base, adapters, slotPrefix), (module, paths) => {
    const saved = savedAt(adapters, paths)
    if (saved !== undefined) {
      const keys = savedKeys(base, saved.path)
      return mapParameters(module, (parameter) => {
        const key = keys.get(parameter)
        return key === undefined ? parameter : parameter.asState(slotPrefix(saved.index) + key)
      })
    }
    if (!isAdaptable(module)) return module
    const parts = partsAt(paths)
    return parts.length === 0 ? module : new AdaptedLayer(module, parts)
  })
}

function savedAt(adapters: readonly Adapter[], paths: readonly string[]) {
  for (const [index, { saved }] of adapters.entries()) {
    const found = saved.find(({ path }) => paths.includes(path))
    if (found !== undefined) return { index, path: found.path }
  }
  return undefined
}

/** Prefix of the state slots of the active adapter number `index`. Names do not matter, so adapters of one structure share programs. */
export function slotPrefix(index: number): string {
  return `adapter${index}:`
}

/** Prefix of the state slots of adapter number `index` in a program that merges. */
export function mergePrefix(index: number): string {
  return `merge${index}:`
}

/** A function that gives the parts of adapters at a module, in order. All parts of an adapter share the Parameters of its shared state. */
export function partsOf(
  adapters: readonly Adapter[],
  prefix: (index: number) => string,
): (paths: readonly string[]) => AdapterPart[] {
  const known = adapters.map((adapter, index): KnownAdapter => {
    const { specs, bufferSpecs } = adapter // made anew each time they are asked for
    const sites = new Map(adapter.sites.map((site) => [site.path, site]))
    const own = { adapter, specs, bufferSpecs, sites, prefix: prefix(index) }
    return { ...own, shared: sharedParameters(own) }
  })
  return (paths) =>
    known.flatMap((one) => {
      const path = paths.find((path) => one.sites.has(path))
      return path === undefined ? [] : [partOf(one, one.sites.get(path) as Site)]
    })
}

interface AdapterSpecs {
  readonly adapter: Adapter
  readonly specs: ReadonlyMap<string, Spec>
  readonly bufferSpecs: ReadonlyMap<string, Spec>
  readonly sites: ReadonlyMap<string, Site>
  /** Of its state slots. */
  readonly prefix: string
}

interface KnownAdapter extends AdapterSpecs {
  readonly shared: Readonly<Record<string, Parameter>>
}

function partOf({ adapter, specs, bufferSpecs, prefix, shared }: KnownAdapter, site: Site): AdapterPart {
  const named: Record<string, Parameter> = { ...shared }
  for (const [name, fileKey] of Object.entries(siteFileKeys(adapter.tuner, site, adapter.config))) {
    const key = siteKey(site, fileKey)
    const spec = specs.get(key)
    if (spec !== undefined) named[name] = stateParameter(key, spec, prefix)
  }
  for (const name of Object.keys(adapter.tuner.buffers?.({ site, config: adapter.config }) ?? {})) {
    const key = bufferKey(site, name)
    named[name] = stateParameter(key, bufferSpecs.get(key) as Spec, prefix)
  }
  return new AdapterPart(adapter.name, adapter.tuner, adapter.config, site, new SiteState(named))
}

function sharedParameters({ adapter, specs, bufferSpecs, prefix }: AdapterSpecs): Record<string, Parameter> {
  const entries = [...sharedKeys(adapter)].map(([name, key]) => {
    const spec = (specs.get(key) ?? bufferSpecs.get(key)) as Spec
    // A # in a Parameter's path marks state that does not train.
    const path = adapter.frozen.has(key) ? `#${key}` : key
    return [name, stateParameter(path, spec, prefix, key)] as const
  })
  return Object.fromEntries(entries)
}

function stateParameter(path: string, { dtype, shape }: Spec, prefix: string, key: string = path): Parameter {
  const source = { dtype, shape, read: async () => new Uint8Array() }
  return new Parameter(path, dtype, shape, source, 'state', prefix + key)
}
