/** When values take memory while steps run in order. Steps may be a graph's nodes or what a backend makes of them. */
import type { Node, Tensor } from '../graph/tensor.js'

/** A step by the values that it reads and makes; `V` tells values apart: a tensor, a name, a number. */
export interface OrderedStep<V> {
  readonly inputs: readonly V[]
  readonly outputs: readonly V[]
}

/** Places in the order, both inclusive. */
export interface Lifetime {
  /** The step that makes the value; -1: it is there before. */
  readonly from: number
  /** The last step that reads it, `from` where none does; a result stays past the last step, at their number. */
  readonly to: number
}

/** The lifetime of every value that the steps read or make. `ownerOf` names the value whose memory another one shows. */
export function lifetimes<V>(
  steps: readonly OrderedStep<V>[],
  results: Iterable<V>,
  ownerOf: (value: V) => V = (value) => value,
): Map<V, Lifetime> {
  const found = new Map<V, { from: number; to: number }>()
  const extend = (value: V, at: number, from: number) => {
    const owner = ownerOf(value)
    const known = found.get(owner)
    if (known === undefined) found.set(owner, { from, to: at })
    else known.to = at
  }
  steps.forEach(({ inputs, outputs }, at) => {
    for (const value of inputs) extend(value, at, -1)
    for (const value of outputs) extend(value, at, at)
  })
  for (const value of results) extend(value, steps.length, -1)
  return found
}

/** The values that nothing needs after each step: read there for the last time, or made and never read. Results are in none. */
export function lastUses<V>(steps: readonly OrderedStep<V>[], results: Iterable<V>): V[][] {
  const ending = steps.map((): V[] => [])
  for (const [value, { to }] of lifetimes(steps, results)) ending[to]?.push(value)
  return ending
}

/** Whose memory each tensor shows: a reshape's and a barrier's outputs are their inputs in other words. */
export function memoryOwners(order: readonly Node[]): (x: Tensor) => Tensor {
  const owners = new Map<Tensor, Tensor>()
  const ownerOf = (x: Tensor) => owners.get(x) ?? x
  for (const node of order)
    if (node.op === 'reshape' || node.op === 'barrier')
      for (const [i, x] of node.outputs.entries()) owners.set(x, ownerOf(node.inputs[i] as Tensor))
  return ownerOf
}
