/** The optimizer's states as a training state holds them: by parameter, whatever lies side by side while it trains. */
import { type HostArray, type HostTensor, hostTensor, type Spec, sizeOf } from '@espalier/core'
import type { Optimizer } from './optimizers/optimizer.js'
import type { ParameterGroup } from './parameter-groups.js'
import { optimizerSlot, statesOf } from './programs.js'
import { stateKey } from './training-state.js'

/** A state of a group. */
interface HeldState extends Spec {
  readonly slot: string
  /** What each member has of it, in order, as if the member were alone. */
  readonly parts: readonly { readonly key: string; readonly spec: Spec; readonly start: number; readonly end: number }[]
}

function heldStates(groups: readonly ParameterGroup[], optimizer: Optimizer): readonly HeldState[] {
  return groups.flatMap((group) => {
    const own = group.members.map(({ slot, shape }) => ({
      slot,
      states: new Map(statesOf({ shape, ofClass: group.ofClass }, optimizer)),
    }))
    return statesOf(group, optimizer).map(([name, spec]) => {
      let end = 0
      const parts = own.map(({ slot, states }) => {
        const spec = states.get(name) as Spec
        const start = end
        end += sizeOf(spec.shape)
        return { key: stateKey(name, slot), spec, start, end }
      })
      return { ...spec, slot: optimizerSlot(name, group), parts }
    })
  })
}

/** Slots of all states that an optimizer keeps of these groups. */
export function stateSlots(groups: readonly ParameterGroup[], optimizer: Optimizer): readonly string[] {
  return heldStates(groups, optimizer).map(({ slot }) => slot)
}

/** Dtypes and shapes of the states' parts, by `stateKey`. */
export function stateSpecs(groups: readonly ParameterGroup[], optimizer: Optimizer): ReadonlyMap<string, Spec> {
  return new Map(
    heldStates(groups, optimizer).flatMap(({ parts }) => parts.map(({ key, spec }) => [key, spec] as const)),
  )
}

/** The parts of states, by `stateKey`, from their values by slot. They share its memory. */
export function splitStates(
  groups: readonly ParameterGroup[],
  optimizer: Optimizer,
  values: ReadonlyMap<string, HostTensor>,
): (readonly [string, HostTensor])[] {
  return heldStates(groups, optimizer).flatMap(({ slot, parts }) => {
    const { data } = values.get(slot) as HostTensor
    return parts.map(
      ({ key, spec, start, end }) =>
        [key, hostTensor(spec.dtype, spec.shape, data.subarray(start, end) as HostArray)] as const,
    )
  })
}

/** Values of states by slot, from their parts. */
export function joinStates(
  groups: readonly ParameterGroup[],
  optimizer: Optimizer,
  given: ReadonlyMap<string, HostTensor>,
): ReadonlyMap<string, HostTensor> {
  return new Map(
    heldStates(groups, optimizer).map(({ slot, dtype, shape, parts }) => {
      const all = hostTensor(dtype, shape)
      for (const { key, start } of parts) all.data.set((given.get(key) as HostTensor).data, start)
      return [slot, all]
    }),
  )
}
