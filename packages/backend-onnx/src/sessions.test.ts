/** No more sessions live than may, and they come back when they are needed. */
import { describe, expect, it } from 'vitest'
import type { HostRequest } from './host.mjs'
import { type SessionSource, Sessions, sessionsMemory } from './sessions.js'
import type { Transport } from './transport.js'

function sessionsOf(most: number, arenaBytes = 0) {
  const asked: string[] = []
  const arenas: boolean[] = []
  const transport = {
    request: async (request: HostRequest) => {
      if (request.type === 'open' || request.type === 'close') asked.push(`${request.type} ${request.session}`)
    },
    close: async () => {},
  } as unknown as Transport
  const options = (_: string, arena: boolean) => {
    arenas.push(arena)
    return {}
  }
  return { asked, arenas, sessions: new Sessions(transport, { options, most, arenaBytes, profiled: false }) }
}

function source(id: number, peakBytes = 1): SessionSource {
  const plan = { program: `p${id}`, inputs: [], outputs: [], updates: [], masks: [], nodeCount: 1, peakBytes }
  return { id, model: new Uint8Array(0), plan, order: [] }
}

describe('Sessions', () => {
  it('opens each once while they fit', async () => {
    const { asked, sessions } = sessionsOf(2)
    const [a, b] = [source(1), source(2)]
    for (const one of [a, b, a, b]) await sessions.use(one)
    expect(asked).toEqual(['open 1', 'open 2'])
  })

  it('releases the least recently used before it opens one too many', async () => {
    const { asked, sessions } = sessionsOf(2)
    const [a, b, c] = [source(1), source(2), source(3)]
    for (const one of [a, b, a, c, b]) await sessions.use(one)
    expect(asked).toEqual(['open 1', 'open 2', 'close 2', 'open 3', 'close 1', 'open 2'])
  })

  it('gives an arena to those that fit, and again when room is made', async () => {
    const { arenas, sessions } = sessionsOf(10, 100)
    for (const one of [source(1, 60), source(2, 50), source(3, 40)]) await sessions.use(one)
    sessions.release(1)
    await sessions.use(source(4, 60))
    expect(arenas).toEqual([true, false, true, true])
  })

  it('gives an arena to the first, however much it needs', async () => {
    const { arenas, sessions } = sessionsOf(10, 100)
    for (const one of [source(1, 200), source(2, 1)]) await sessions.use(one)
    expect(arenas).toEqual([true, false])
  })

  it('forgets a released session', async () => {
    const { asked, sessions } = sessionsOf(2)
    const a = source(1)
    await sessions.use(a)
    sessions.release(1)
    sessions.release(1)
    await sessions.use(a)
    expect(asked).toEqual(['open 1', 'close 1', 'open 1'])
  })
})

describe('sessionsMemory', () => {
  it('adds up what arenas keep, and the largest that takes its values from the heap', () => {
    const cost = { arena: 2, heap: 1, session: 0.5 }
    expect(sessionsMemory([6], 4, cost)).toBe(12.5) // the first has an arena, whatever its size
    expect(sessionsMemory([3, 5, 1, 4], 4, cost)).toBe(2 * (3 + 1) + 5 + 2)
    expect(sessionsMemory([], 4, cost)).toBe(0)
  })

  it('gives arenas to those that get one', async () => {
    const peaks = [3, 5, 1, 4]
    const { arenas, sessions } = sessionsOf(9, 4)
    for (const [id, peak] of peaks.entries()) await sessions.use(source(id, peak))
    expect(arenas).toEqual([true, false, true, false])
  })
})
