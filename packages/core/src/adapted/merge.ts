/** Merging adapters into weights on a backend, and back. The base's weights are never touched, so unmerging is exact. */
import type { Backend, WeightSet } from '../backend/backend.js'
import { byteSize, type HostTensor, hostTensorFromBytes, isFloat } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { mul, sub } from '../graph/ops/binary.js'
import { widened } from '../graph/ops/cast.js'
import { reduceSum } from '../graph/ops/reduce.js'
import type { Tensor } from '../graph/tensor.js'
import type { Model } from '../model/model.js'
import { heldIn, joinPath } from '../module/module.js'
import { isPacked } from '../module/packed.js'
import type { Parameter } from '../module/parameter.js'
import { namedModules, parameterUses } from '../module/tree.js'
import type { Weight } from '../module/weight.js'
import { sizeOf } from '../shape.js'
import { mergedParts } from '../tuner/adapted-layer.js'
import { readSource, type TrainedBias } from '../tuner/adapter.js'
import type { AdaptedModel, MergeSite } from './adapted-model.js'
import { mergePrefix } from './adapted-tree.js'
import { type MergeLoss, mergeLosses } from './merge-loss.js'
import { savedKeys } from './saved-modules.js'

/** What to merge and how. */
export interface MergeOptions {
  /** Default: the active adapters. */
  readonly adapterNames?: readonly string[]
  /** Refuses weights that are not finite; then nothing changes. */
  readonly safe?: boolean
}

/** What merging gives. */
export interface MergedWeights {
  /** All merged adapters, in order. */
  readonly names: readonly string[]
  /** All changed weights by parameter path, floats in f32 and codes of packed ones as `Weight.encode` gives them; where layers share one, by `<module path>.<name>` from the second on. */
  readonly weights: Map<string, HostTensor>
  /** What encoding packed weights again lost, by the names of their first parameters. */
  readonly losses: ReadonlyMap<string, MergeLoss>
}

/**
 * Merges adapters one after another, after those that are merged already, and returns all changed weights by parameter path. `weights`
 * are the base's. When it throws, nothing has changed: adapter.state, merge.finite.
 */
export async function mergeAdapters(
  adapted: AdaptedModel,
  backend: Backend,
  weights: WeightSet,
  options: MergeOptions = {},
): Promise<Map<string, HostTensor>> {
  const merged = await mergedWeights(adapted, backend, weights, options)
  adapted.setMerged(merged.names, merged.weights)
  return merged.weights
}

/** What `mergeAdapters` would merge, as the adapters are when it is called; the model stays as it is. Throws as it does. */
export async function mergedWeights(
  adapted: AdaptedModel,
  backend: Backend,
  weights: WeightSet,
  options: MergeOptions = {},
): Promise<MergedWeights> {
  const asked = options.adapterNames ?? adapted.activeAdapters
  const names = [...new Set([...adapted.mergedAdapters, ...asked])]
  const adapters = names.map((name) => adapted.adapter(name))
  const { model } = adapted.base
  const sites = mergedSites(model, adapted.mergeSites(names))
  const held = adapters.map((adapter) => adapter.holdOn(backend))
  try {
    const asNow = adapters.map((adapter) => adapter.values())
    const [values, sets] = await Promise.all([Promise.all(asNow), Promise.all(held.map(({ value }) => value))])
    const state = sets.map((set, i) => ({ set, prefix: mergePrefix(i) }))
    const merged = new Map<string, HostTensor>()
    const losses = new Map<string, MergeLoss>()
    for (const group of groupsOf(sites)) {
      const executable = await backend.compile({ name: 'merge', outputs: outputsOf(group) }, { weights })
      try {
        const floats = await executable.run({ state })
        if (options.safe === true)
          checkFinite(new Map(Object.entries(floats).filter(([name]) => !name.endsWith(CHANGE))), names)
        const encoded = group.map((site) => encodedSite(site, floats))
        for (const { site, values } of encoded) {
          for (const [i, name] of site.names.entries()) merged.set(name, values[i] as HostTensor)
          if (site.bias !== undefined) merged.set(site.bias.name, floats[site.bias.name] as HostTensor)
        }
        const packed = encoded.filter(({ site }) => site.change !== undefined)
        for (const [name, loss] of await mergeLosses(backend, packed)) losses.set(name, loss)
      } finally {
        executable.release()
      }
    }
    adapters.forEach(({ saved, biases }, i) => {
      for (const { name, key } of biasNames(model, biases))
        if (!merged.has(name)) merged.set(name, values[i]?.get(key) as HostTensor)
      for (const { path } of saved)
        for (const [name, key] of savedNames(model, path)) merged.set(name, values[i]?.get(key) as HostTensor)
    })
    await untie(model, merged)
    if (options.safe === true) checkFinite(merged, names)
    return { names, weights: merged, losses }
  } finally {
    for (const { release } of held) release()
  }
}

/** A layer's merged weight in floats, and the parameters that take it. */
interface MergedSite {
  readonly weight: Weight
  /** What its parameters are called in `MergedWeights`, in order; the first names the floats too. */
  readonly names: readonly string[]
  /** In the file's order. */
  readonly floats: Tensor
  /** Of packed weights the sum of the squares of what is added. */
  readonly change?: Tensor
  readonly bias?: { readonly name: string; readonly value: Tensor }
}

function mergedSites(model: Model, sites: readonly MergeSite[]): MergedSite[] {
  const names = new Map(parameterUses(model).map(({ path, name }) => [path, name]))
  return sites.map(({ path, layer, parts }) => {
    let weight = widened(layer.orientedWeight())
    const given = layer.bias === null ? undefined : widened(layer.bias.value)
    let bias = given
    for (const part of parts) {
      const merged = mergedParts(part.merge(weight, bias))
      weight = merged.weight
      bias = merged.bias ?? bias
    }
    const nameOf = (own: string) => names.get(joinPath(path, own))
    const held = heldIn(layer, 'weight', layer.weight.parameters)
    if (held.length === 0 || layer.weight.encode === undefined)
      throw new EspalierError('adapter.state', {
        what: 'this weight cannot be merged into: floats cannot be written in its encoding',
        got: { path },
        fix: 'Merge into the model that it was packed from.',
      })
    const change = sub(weight, widened(layer.orientedWeight()))
    return {
      weight: layer.weight,
      names: held.map(({ name, value }) => nameOf(name) ?? value.path),
      floats: layer.unorient(weight),
      ...(isPacked(layer.weight) ? { change: reduceSum(mul(change, change)) } : {}),
      ...(layer.bias !== null && bias !== undefined && bias !== given
        ? { bias: { name: nameOf('bias') ?? layer.bias.path, value: bias } }
        : {}),
    }
  })
}

const GROUP_BYTES = 1 << 28 // of floats at a time: packed models are merged in little more memory than they take

/** Sites in groups whose floats fit in memory beside the model. */
function groupsOf(sites: readonly MergedSite[]): MergedSite[][] {
  const groups: MergedSite[][] = []
  let room = 0
  for (const site of sites) {
    const bytes = byteSize('f32') * sizeOf(site.floats.shape)
    if (bytes > room || groups.length === 0) {
      groups.push([])
      room = GROUP_BYTES
    }
    groups[groups.length - 1]?.push(site)
    room -= bytes
  }
  return groups
}

function outputsOf(group: readonly MergedSite[]): Record<string, Tensor> {
  return Object.fromEntries(
    group.flatMap(({ names, floats, change, bias }) => [
      [names[0] as string, floats],
      ...(change === undefined ? [] : [[changeOf(names), change] as const]),
      ...(bias === undefined ? [] : [[bias.name, bias.value] as const]),
    ]),
  )
}

function encodedSite(site: MergedSite, found: Readonly<Record<string, HostTensor>>) {
  const { weight, names } = site
  const [name] = names as readonly [string]
  const floats = found[name] as HostTensor
  const change = Number(found[changeOf(names)]?.data[0])
  return { site, name, weight, floats, values: weight.encode?.(floats) ?? [], change }
}

const CHANGE = '#change' // no parameter is called so

function changeOf([name]: readonly string[]): string {
  return `${name}${CHANGE}`
}

/** Names of trained biases in the merged model, each with the key of its value. */
function biasNames(model: Model, biases: readonly TrainedBias[]): { readonly name: string; readonly key: string }[] {
  const keys = new Map(biases.flatMap(({ key, paths }) => paths.map((path) => [path, key] as const)))
  return parameterUses(model).flatMap(({ path, name }) => {
    const key = keys.get(path)
    return key === undefined ? [] : [{ name, key }]
  })
}

/** Names of a saved module's weights, each with the key of its value. */
function savedNames(model: Model, path: string): [name: string, key: string][] {
  const first = namedModules(model).find(({ paths }) => paths.includes(path))?.path ?? path
  const keys = savedKeys(model, path)
  return parameterUses(model).flatMap((use) => {
    const key = use.path.startsWith(`${first}.`) ? keys.get(use.parameter) : undefined
    return key === undefined ? [] : [[use.name, key]]
  })
}

/** Where one layer of a tied weight changed, the others get the base's value by a name of their own: the merged model is not tied. */
async function untie(model: Model, merged: Map<string, HostTensor>): Promise<void> {
  const uses = parameterUses(model)
  const changed = new Set(uses.filter(({ name }) => merged.has(name)).map(({ parameter }) => parameter))
  for (const { parameter, name } of uses)
    if (changed.has(parameter) && !merged.has(name)) merged.set(name, await readStored(parameter))
}

// Codes stay codes; floats widen, as merged ones have.
async function readStored({ dtype, source }: Parameter): Promise<HostTensor> {
  return isFloat(dtype) ? readSource(source) : hostTensorFromBytes(source.dtype, source.shape, await source.read())
}

function checkFinite(merged: ReadonlyMap<string, HostTensor>, adapters: readonly string[]): void {
  const broken = [...merged]
    .filter(([, { data }]) => (data as Float32Array).some((value) => !Number.isFinite(value)))
    .map(([path]) => path)
  if (broken.length > 0)
    throw new EspalierError('merge.finite', {
      what: 'merging gives weights that are not finite numbers',
      got: { adapters, weights: broken },
      fix: 'Check the adapter: training may have diverged',
    })
}
