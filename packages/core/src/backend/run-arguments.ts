/** Checks what a run is given against the program's slots, the same way for every backend. */
import { byteSize, type HostTensor, type Spec } from '../dtype.js'
import { EspalierError } from '../errors.js'
import { sameShape, sizeOf } from '../shape.js'
import type { RunArguments, StateSet } from './backend.js'
import type { ProgramSlots } from './program.js'

/** A state slot's set and the tensor's name there. */
export interface BoundState {
  readonly set: StateSet
  readonly name: string
}

/** The feeds in the program's order. Throws graph.slot for missing, unknown or ill-shaped ones. */
export function checkFeeds(
  slots: ProgramSlots,
  program: string,
  feeds: RunArguments['feeds'] = {},
): Map<string, HostTensor> {
  const unknown = Object.keys(feeds).filter((name) => !slots.feed.has(name))
  if (unknown.length > 0) {
    throw new EspalierError('graph.slot', {
      what: 'the program has no such feeds',
      got: { program, unknown, feeds: [...slots.feed.keys()] },
    })
  }
  const bound = new Map<string, HostTensor>()
  for (const [name, spec] of slots.feed) {
    const value = feeds[name]
    if (value === undefined)
      throw new EspalierError('graph.slot', { what: 'a feed is missing', got: { program, slot: name } })
    checkTensor(value, spec, program, name)
    bound.set(name, value)
  }
  return bound
}

/** Throws graph.slot unless every weight of the program is there as the program reads it. `specOf`: of the weights that were loaded. */
export function checkWeights(slots: ProgramSlots, program: string, specOf: (slot: string) => Spec | undefined): void {
  for (const [slot, spec] of slots.weight) {
    const got = specOf(slot)
    if (got === undefined)
      throw new EspalierError('graph.slot', { what: 'a weight of the program was not loaded', got: { program, slot } })
    checkSpec(got, spec, program, slot)
  }
}

/** Where each state slot lives. Throws graph.slot when no set, or more than one, has it. */
export function bindState(
  slots: ProgramSlots,
  program: string,
  bindings: RunArguments['state'] = [],
): Map<string, BoundState> {
  const bound = new Map<string, BoundState>()
  for (const [slot, spec] of slots.state) {
    const found = bindings.flatMap(({ set, prefix = '' }) =>
      slot.startsWith(prefix) && set.specs.has(slot.slice(prefix.length))
        ? [{ set, name: slot.slice(prefix.length) }]
        : [],
    )
    const [first] = found
    if (first === undefined || found.length > 1) {
      throw new EspalierError('graph.slot', {
        what: 'a state slot must be in exactly one of the bound sets',
        got: { program, slot, sets: found.length },
      })
    }
    checkSpec(first.set.specs.get(first.name) as Spec, spec, program, slot)
    bound.set(slot, first)
  }
  return bound
}

/** Throws graph.slot unless every tensor is one of the state's, with its dtype and shape: for `StateSet.write`, before it changes anything. */
export function checkStateWrite(specs: ReadonlyMap<string, Spec>, tensors: ReadonlyMap<string, HostTensor>): void {
  for (const [name, tensor] of tensors) {
    const spec = specs.get(name)
    if (spec === undefined) {
      throw new EspalierError('graph.slot', {
        what: 'the state has no such tensor',
        got: { name, names: [...specs.keys()] },
      })
    }
    checkTensor(tensor, spec, 'state', name)
  }
}

function checkTensor(tensor: HostTensor, spec: Spec, program: string, slot: string): void {
  checkSpec(tensor, spec, program, slot)
  const { data } = tensor
  if (data.length !== sizeOf(spec.shape) || data.BYTES_PER_ELEMENT !== byteSize(spec.dtype)) {
    throw new EspalierError('graph.slot', {
      what: 'the data given to a slot do not fill its shape',
      got: {
        program,
        slot,
        want: specText(spec),
        values: data.length,
        bytesEach: data.BYTES_PER_ELEMENT,
      },
    })
  }
}

// Throws graph.slot, naming the slot, unless two specs are equal.
function checkSpec(got: Spec, want: Spec, program: string, slot: string): void {
  if (got.dtype !== want.dtype || !sameShape(got.shape, want.shape)) {
    throw new EspalierError('graph.slot', {
      what: 'a slot was given another dtype or shape',
      got: {
        program,
        slot,
        got: specText(got),
        want: specText(want),
      },
    })
  }
}

function specText({ dtype, shape }: Spec): string {
  return `${dtype}[${shape.join(',')}]`
}
