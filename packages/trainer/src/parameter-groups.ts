/**
 * Which trained parameters share state slots: their gradient sums and optimizer states lie side by side, so that a step is a few large
 * operations and not many for each parameter. The parameters themselves keep slots of their own.
 */
import {
  concat,
  type HostTensor,
  hostTensor,
  reshape,
  type Shape,
  type Spec,
  sizeOf,
  slice,
  type Tensor,
} from '@espalier/core'
import type { Optimizer } from './optimizers/optimizer.js'

/** What trains: state slots of the tree's Parameters. */
export type Trained = ReadonlyMap<string, Spec>

/** Parameters side by side. */
export interface ParameterGroup {
  /** Names the group's slots: the parameter's own slot where it is alone. */
  readonly name: string
  /** One axis with the members' values one after another; the parameter's own shape where it is alone. */
  readonly shape: Shape
  /** Decoupled decay of all members. */
  readonly weightDecay: number
  /** What the optimizer calls members that may lie side by side. */
  readonly ofClass: string | undefined
  readonly members: readonly GroupMember[]
}

/** A parameter's place in its group. */
export interface GroupMember {
  readonly slot: string
  readonly shape: Shape
  /** Its first value among the group's. */
  readonly start: number
}

/** What decides which parameters may lie side by side. */
export interface GroupingRules {
  readonly optimizer: Optimizer
  /** Decoupled decay of a slot. */
  weightDecay(slot: string): number
  /** Whether a slot is a whole embedding table. Default: none is. */
  isEmbedding?(slot: string): boolean
}

const BYTES = 4 // of an f32
const LARGE_BYTES = 1 << 20 // copying such a tensor costs more than the operations that it would save
const MOST_BYTES = 1 << 22 // of a group, of which a step makes several copies

/**
 * Groups in the order of their first members. Parameters share one when they decay alike and are of one class, for an optimizer that is elementwise; large
 * ones and those of other optimizers are alone. Groups are bounded in bytes and hold neighbours: what lies in a group waits for its last
 * gradient.
 */
export function parameterGroups(
  trained: Trained,
  { optimizer, weightDecay, isEmbedding = () => false }: GroupingRules,
): ParameterGroup[] {
  const groups: OpenGroup[] = []
  const open = new Map<string, GroupMember[]>()
  const classOf = optimizer.classOf ?? (() => '')
  for (const [slot, { shape }] of trained) {
    const decay = weightDecay(slot)
    const ofClass = classOf({ shape, isEmbedding: isEmbedding(slot) })
    const isAlone = !optimizer.elementwise || ofClass === undefined || BYTES * sizeOf(shape) > LARGE_BYTES
    const key = `${decay} ${ofClass}`
    const known = isAlone ? undefined : open.get(key)
    const start = known === undefined ? 0 : endOf(known)
    if (known !== undefined && BYTES * (start + sizeOf(shape)) <= MOST_BYTES) {
      known.push({ slot, shape, start })
      continue
    }
    const members = [{ slot, shape, start: 0 }]
    groups.push({ weightDecay: decay, ofClass, members })
    if (!isAlone) open.set(key, members)
  }
  return groups.map(({ weightDecay: decay, ofClass, members }) => {
    const { slot, shape } = members[0] as GroupMember
    const isAlone = members.length === 1
    return {
      name: isAlone ? slot : `${slot} and ${members.length - 1} more`,
      shape: isAlone ? shape : [endOf(members)],
      weightDecay: decay,
      ofClass,
      members,
    }
  })
}

interface OpenGroup extends Pick<ParameterGroup, 'weightDecay' | 'ofClass'> {
  readonly members: GroupMember[]
}

function endOf(members: readonly GroupMember[]): number {
  const { shape, start } = members[members.length - 1] as GroupMember
  return start + sizeOf(shape)
}

/** A group's tensor of its members' tensors, in order. */
export function joined(tensors: readonly Tensor[]): Tensor {
  const [first, ...others] = tensors as readonly [Tensor, ...Tensor[]]
  if (others.length === 0) return first
  return concat(
    tensors.map((x) => reshape(x, [sizeOf(x.shape)])),
    0,
  )
}

/** The members' tensors of a group's tensor, by slot. */
export function partsOf({ members }: ParameterGroup, x: Tensor): (readonly [string, Tensor])[] {
  return members.map(({ slot, shape, start }) => {
    return [slot, members.length === 1 ? x : reshape(slice(x, [start], [start + sizeOf(shape)]), shape)]
  })
}

/** A group's values of its members' values. */
export function joinedValues({ shape, members }: ParameterGroup, values: ReadonlyMap<string, HostTensor>): HostTensor {
  const all = new Float32Array(sizeOf(shape))
  for (const { slot, start } of members) all.set((values.get(slot) as HostTensor).data as Float32Array, start)
  return hostTensor('f32', shape, all)
}

/** The members' values of a group's values, by slot; they share its memory. */
export function partsOfValues({ members }: ParameterGroup, { data }: HostTensor): (readonly [string, HostTensor])[] {
  return members.map(({ slot, shape, start }) => [
    slot,
    hostTensor('f32', shape, (data as Float32Array).subarray(start, start + sizeOf(shape))),
  ])
}
