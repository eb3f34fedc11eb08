/** Merging adapters into weights on a backend, and back. The base's weights are never touched, so unmerging is exact. */
import type { Backend, WeightSet } from '../backend/backend.js'
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { Tensor } from '../graph/tensor.js'
import type { Adaptable } from '../module/adaptable.js'
import { type AdapterPart, mergedParts } from '../tuner/adapted-layer.js'
import type { AdaptedModel } from './adapted-model.js'
import { mergePrefix } from './adapted-tree.js'

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
  /** All changed weights by parameter path. */
  readonly weights: Map<string, HostTensor>
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
  const outputs = mergedOutputs(adapted.mergeSites(names))
  const held = adapters.map((adapter) => adapter.holdOn(backend))
  try {
    const asNow = adapters.map((adapter) => adapter.values())
    const [values, sets] = await Promise.all([Promise.all(asNow), Promise.all(held.map(({ value }) => value))])
    const merged = new Map<string, HostTensor>()
    if (Object.keys(outputs).length > 0) {
      const executable = await backend.compile({ name: 'merge', outputs }, { weights })
      try {
        const state = sets.map((set, i) => ({ set, prefix: mergePrefix(i) }))
        for (const [path, tensor] of Object.entries(await executable.run({ state }))) merged.set(path, tensor)
      } finally {
        executable.release()
      }
    }
    adapters.forEach(({ saved }, i) => {
      for (const path of saved.flatMap(({ parameters }) => parameters))
        merged.set(path, values[i]?.get(path) as HostTensor)
    })
    if (options.safe === true) checkFinite(merged, names)
    return { names, weights: merged }
  } finally {
    for (const { release } of held) release()
  }
}

function mergedOutputs(
  sites: readonly { readonly layer: Adaptable; readonly parts: readonly AdapterPart[] }[],
): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {}
  for (const { layer, parts } of sites) {
    const [parameter, another] = layer.weight.parameters
    if (parameter === undefined || another !== undefined)
      throw new EspalierError('adapter.state', {
        what: 'this weight cannot be merged into',
        got: { path: parts[0]?.site.path },
      })
    // A weight that another layer shares gets the changes of both, as in PEFT.
    const shared = outputs[parameter.path]
    let weight = shared === undefined ? layer.orientedWeight() : layer.unorient(shared)
    let bias = layer.bias?.value
    for (const part of parts) {
      const merged = mergedParts(part.merge(weight, bias))
      weight = merged.weight
      bias = merged.bias ?? bias
    }
    outputs[parameter.path] = layer.unorient(weight)
    if (layer.bias !== null && bias !== undefined && bias !== layer.bias.value) outputs[layer.bias.path] = bias
  }
  return outputs
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
