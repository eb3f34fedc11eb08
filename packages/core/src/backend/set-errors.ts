/** What a backend says of sets and programs that it cannot use: the same on every backend. */
import { EspalierError } from '../errors.js'
import type { StateSet, WeightSet } from './backend.js'

/** A backend was asked for something after `close`. */
export function closedError(backend: string): EspalierError {
  return new EspalierError('backend.closed', { what: 'the backend is closed', got: { backend } })
}

/** A program was run after its release, or after that of its weights. */
export function releasedProgramError(program: string): EspalierError {
  return new EspalierError('backend.closed', { what: 'the executable was released', got: { program } })
}

/** A set was used after its release. */
export function releasedSetError(kind: 'weights' | 'state', names: Iterable<string>): EspalierError {
  return new EspalierError('backend.closed', {
    what: `the ${kind} ${kind === 'state' ? 'was' : 'were'} released`,
    got: { names: [...names] },
  })
}

/** A tensor was asked for that a state set has not. */
export function unknownStateError(name: string, names: Iterable<string>): EspalierError {
  return new EspalierError('graph.slot', { what: 'the state has no such tensor', got: { name, names: [...names] } })
}

/** The set as what this backend makes. Throws graph.slot for one of another backend. */
export function ownSet<S extends WeightSet | StateSet>(
  set: WeightSet | StateSet,
  type: abstract new (...parts: never[]) => S,
): S {
  if (set instanceof type) return set
  const names = 'names' in set ? set.names : set.specs.keys()
  throw new EspalierError('graph.slot', {
    what: 'a set of tensors belongs to another backend',
    got: { names: [...names] },
  })
}
