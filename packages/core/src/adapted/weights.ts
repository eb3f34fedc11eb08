/** A tree's weights: what it needs from its backend, by slot name, and the tree with other values. */
import type { WeightRequest } from '../backend/backend.js'
import type { HostTensor } from '../dtype.js'
import type { Module } from '../module/module.js'
import { memorySource } from '../module/scope.js'
import { mapParameters, namedParameters } from '../module/tree.js'

/** The frozen weights of a tree, for `Backend.loadWeights`. */
export function weightRequests(root: Module): Map<string, WeightRequest> {
  return new Map(
    [...namedParameters(root)].flatMap(([name, { slot, source, dtype }]) =>
      slot === 'weight' ? [[name, { source, dtype }] as const] : [],
    ),
  )
}

/** The tree with other values of some parameters, by path. */
export function withValues<M extends Module>(root: M, values: ReadonlyMap<string, HostTensor>): M {
  return mapParameters(root, (parameter) => {
    const value = values.get(parameter.path)
    return value === undefined ? parameter : parameter.withSource(memorySource(value))
  })
}
