/** Merging adapters into weights on a backend, and back. The base's weights are never touched, so unmerging is exact. */
import type { Backend, WeightSet } from '../backend/backend.js'
import type { HostTensor } from '../dtype.js'
import { EspalierError } from '../errors.js'
import type { Tensor } from '../graph/tensor.js'
import type { Adaptable } from '../module/adaptable.js'
import { memorySource } from '../module/scope.js'
import type { ParameterSource } from '../parameter-source.js'
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
  const asked = options.adapterNames ?? adapted.activeAdapters
  const names = [...new Set([...adapted.mergedAdapters, ...asked])]
  const adapters = names.map((name) => adapted.adapter(name))
  const outputs = mergedOutputs(adapted.mergeSites(names))
  const bound = await Promise.all(
    adapters.map(async (adapter, i) => ({ set: await adapter.stateOn(backend), prefix: mergePrefix(i) })),
  )
  const merged = new Map<string, HostTensor>()
  if (Object.keys(outputs).length > 0) {
    const executable = await backend.compile({ name: 'merge', outputs }, { weights })
    try {
      for (const [path, tensor] of Object.entries(await executable.run({ state: bound }))) merged.set(path, tensor)
    } finally {
      executable.release()
    }
  }
  for (const adapter of adapters) {
    const values = await adapter.values()
    for (const { parameters } of adapter.saved)
      for (const path of parameters) merged.set(path, values.get(path) as HostTensor)
  }
  if (options.safe === true) checkFinite(merged, names)
  adapted.setMerged(
    names,
    new Map<string, ParameterSource>([...merged].map(([path, tensor]) => [path, memorySource(tensor)])),
  )
  return merged
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
