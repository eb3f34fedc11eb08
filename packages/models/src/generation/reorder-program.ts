/** The program that moves rows of a key/value cache. */
import { cacheKind, feed, gatherRows, input, type Program, type StateSet } from '@espalier/core'

const programs = new Map<string, Program>()

/**
 * Row i of the decoder's own cache becomes what row `rows[i]` was. Feeds: `rows` (batch) i32. What a cache holds of an encoder's output
 * stays: the beams of a prompt share it. The same object for caches of the same shapes.
 */
export function reorderProgram({ specs }: Pick<StateSet, 'specs'>): Program {
  const own = [...specs].filter(([name]) => cacheKind(name) === 'self')
  const key = JSON.stringify(own)
  const program = programs.get(key) ?? tracedReorder(own)
  programs.set(key, program)
  return program
}

function tracedReorder(
  own: [string, StateSet['specs'] extends ReadonlyMap<string, infer Spec> ? Spec : never][],
): Program {
  const batch = own[0]?.[1].shape[0] as number
  const rows = feed('rows', 'i32', [batch])
  const moved = own.map(([name, { dtype, shape }]) => [name, gatherRows(input('state', name, dtype, shape), rows)])
  return { name: 'reorder', outputs: {}, updates: Object.fromEntries(moved) }
}
