/** A tree's weights: what it needs from its backend, by slot name, and the tree with other values. */
import type { WeightRequest } from '../backend/backend.js'
import type { HostTensor } from '../dtype.js'
import type { Module } from '../module/module.js'
import type { Parameter } from '../module/parameter.js'
import { memorySource } from '../module/scope.js'
import { mapParameterUses, namedParameters } from '../module/tree.js'

/** The frozen weights of a tree, for `Backend.loadWeights`. */
export function weightRequests(root: Module): Map<string, WeightRequest> {
  return new Map(
    [...namedParameters(root)].flatMap(([name, { slot, source, dtype }]) =>
      slot === 'weight' ? [[name, { source, dtype }] as const] : [],
    ),
  )
}

/** The tree with other values of some parameters: by a parameter's path wherever it is used, by `<module path>.<name>` in that module alone. */
export function withValues<M extends Module>(root: M, values: ReadonlyMap<string, HostTensor>): M {
  const made = new Map<string, Parameter>()
  return mapParameterUses(root, (parameter, path) => {
    const name = values.has(path) ? path : parameter.path
    const value = values.get(name)
    if (value === undefined) return parameter
    const known = made.get(name)
    if (known !== undefined) return known
    const next = (name === parameter.path ? parameter : parameter.untied(name)).withSource(memorySource(value))
    made.set(name, next)
    return next
  })
}
