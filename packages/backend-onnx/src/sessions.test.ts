/** Sessions live within a budget and come back when they are needed. */
import { describe, expect, it } from 'vitest'
import type { HostRequest } from './host.mjs'
import { type SessionBudget, type SessionSource, Sessions } from './sessions.js'
import type { Transport } from './transport.js'

function sessionsOf(budget: SessionBudget) {
  const asked: string[] = []
  const transport = {
    request: async (request: HostRequest) => {
      if (request.type === 'open' || request.type === 'close') asked.push(`${request.type} ${request.session}`)
    },
    close: async () => {},
  } as unknown as Transport
  return { asked, sessions: new Sessions(transport, { options: () => ({}), budget, profiled: false }) }
}

function source(id: number, peakBytes: number): SessionSource {
  const plan = { program: `p${id}`, inputs: [], outputs: [], updates: [], masks: [], nodeCount: 1, peakBytes }
  return { id, model: new Uint8Array(0), plan, order: [] }
}

describe('Sessions', () => {
  it('opens each once while they fit', async () => {
    const { asked, sessions } = sessionsOf({ byteLength: 100, count: 10 })
    const [a, b] = [source(1, 50), source(2, 50)]
    for (const one of [a, b, a, b]) await sessions.use(one)
    expect(asked).toEqual(['open 1', 'open 2'])
  })

  it('releases the least recently used before it opens one that would not fit', async () => {
    const { asked, sessions } = sessionsOf({ byteLength: 100, count: 10 })
    const [a, b, c] = [source(1, 40), source(2, 40), source(3, 60)]
    for (const one of [a, b, a, c, b]) await sessions.use(one)
    expect(asked).toEqual(['open 1', 'open 2', 'close 2', 'open 3', 'close 1', 'open 2'])
  })

  it('keeps the one in use, however large, and no more than the count', async () => {
    const { asked, sessions } = sessionsOf({ byteLength: 10, count: 2 })
    const [a, b, c, d] = [source(1, 50), source(2, 1), source(3, 1), source(4, 1)]
    for (const one of [a, b, c, d]) await sessions.use(one)
    expect(asked).toEqual(['open 1', 'close 1', 'open 2', 'open 3', 'close 2', 'open 4'])
  })

  it('forgets a released session', async () => {
    const { asked, sessions } = sessionsOf({ byteLength: 100, count: 10 })
    const a = source(1, 1)
    await sessions.use(a)
    sessions.release(1)
    sessions.release(1)
    await sessions.use(a)
    expect(asked).toEqual(['open 1', 'close 1', 'open 1'])
  })
})
