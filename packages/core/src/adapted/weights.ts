/** What a tree needs from its backend: the frozen weights by slot name. */
import type { WeightRequest } from '../backend/backend.js'
import type { Module } from '../module/module.js'
import { namedParameters } from '../module/tree.js'

/** The frozen weights of a tree, for `Backend.loadWeights`. */
export function weightRequests(root: Module): Map<string, WeightRequest> {
  return new Map(
    [...namedParameters(root)].flatMap(([name, { slot, source, dtype }]) =>
      slot === 'weight' ? [[name, { source, dtype }] as const] : [],
    ),
  )
}
