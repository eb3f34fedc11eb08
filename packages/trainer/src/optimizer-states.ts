/**
 * The optimizer's states as a training state holds them: by parameter, whatever lies side by side while it trains. A state that has another
 * shape than what it belongs to, as a factored one, is kept as it is under the first parameter's name.
 */
import type { HostTensor, Shape } from '@espalier/core'
import type { Optimizer } from './optimizers/optimizer.js'
import { joinedValues, type ParameterGroup, partsOfValues } from './parameter-groups.js'
import { optimizerSlot, statesOf } from './programs.js'
import { stateKey } from './training-state.js'

interface HeldState {
  readonly name: string
  readonly group: ParameterGroup
  readonly slot: string
  readonly shape: Shape
  /** Whether it has a part for each parameter of the group. */
  readonly isSplit: boolean
}

function heldStates(groups: readonly ParameterGroup[], optimizer: Optimizer): readonly HeldState[] {
  return groups.flatMap((group) =>
    statesOf(group, optimizer).map(([name, shape]) => ({
      name,
      group,
      slot: optimizerSlot(name, group),
      shape,
      isSplit: shape.join() === group.shape.join(),
    })),
  )
}

/** Slots of all states that an optimizer keeps of these groups. */
export function stateSlots(groups: readonly ParameterGroup[], optimizer: Optimizer): readonly string[] {
  return heldStates(groups, optimizer).map(({ slot }) => slot)
}

/** Shapes of the states' parts, by `stateKey`. */
export function stateShapes(groups: readonly ParameterGroup[], optimizer: Optimizer): ReadonlyMap<string, Shape> {
  return new Map(
    heldStates(groups, optimizer).flatMap(({ name, group: { members }, shape, isSplit }) =>
      isSplit
        ? members.map((member) => [stateKey(name, member.slot), member.shape] as const)
        : [[stateKey(name, members[0]?.slot ?? ''), shape] as const],
    ),
  )
}

/** The parts of states, by `stateKey`, from their values by slot. */
export function splitStates(
  groups: readonly ParameterGroup[],
  optimizer: Optimizer,
  values: ReadonlyMap<string, HostTensor>,
): (readonly [string, HostTensor])[] {
  return heldStates(groups, optimizer).flatMap(({ name, group, slot, isSplit }) => {
    const value = values.get(slot) as HostTensor
    if (!isSplit) return [[stateKey(name, group.members[0]?.slot ?? ''), value] as const]
    return partsOfValues(group, value).map(([own, part]) => [stateKey(name, own), part] as const)
  })
}

/** Values of states by slot, from their parts. */
export function joinStates(
  groups: readonly ParameterGroup[],
  optimizer: Optimizer,
  parts: ReadonlyMap<string, HostTensor>,
): ReadonlyMap<string, HostTensor> {
  return new Map(
    heldStates(groups, optimizer).map(({ name, group, slot, isSplit }) => {
      const own = new Map(
        group.members.map((member) => [member.slot, parts.get(stateKey(name, member.slot)) as HostTensor]),
      )
      const [first] = own.values()
      return [slot, isSplit ? joinedValues(group, own) : (first as HostTensor)]
    }),
  )
}
