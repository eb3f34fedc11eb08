/** What the backend shares between callers, and when it gives it back: with a runtime that only notes what it is asked. */
import { feed, input, matmul, mul, type ParameterSource, type Program, type WeightRequest } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import type { HostRequest } from './host.mjs'
import { onnxBackend } from './onnx-backend.js'
import type { Transport, WeightStore } from './transport.js'

function backendWith(gate: () => Promise<void> = async () => {}) {
  const asked: string[] = []
  const signals: (AbortSignal | undefined)[] = []
  const transport = {
    request: async (request: HostRequest) => {
      asked.push(request.type)
    },
    close: async () => {},
  } as unknown as Transport
  const store: WeightStore = {
    folder: undefined,
    async place(sources, hold, { signal }) {
      signals.push(signal)
      const places = sources.map(({ source }) =>
        hold({ type: 'f32', shape: source.shape, data: new Float32Array(source.shape[0] as number) }),
      )
      await gate()
      signal?.throwIfAborted()
      return Promise.all(places)
    },
  }
  const sessions = { options: () => ({}), arenaBytes: 100, most: 10, profiled: false }
  const count = (type: HostRequest['type']) => asked.filter((own) => own === type).length
  return { backend: onnxBackend({ name: 'noted', transport, store, sessions }), count, signals }
}

const source = (): ParameterSource => ({ dtype: 'f32', shape: [2], read: async () => new Uint8Array(8) })
const request = (own = source()): [string, WeightRequest] => ['w', { source: own, dtype: 'f32' }]
const scaled = (factor = 2): Program => ({
  name: 'scaled',
  outputs: { y: mul(input('weight', 'w', 'f32', [2]), factor) },
})

describe('programs', () => {
  it('that are equal and compiled at once are built once, and released with their last user', async () => {
    const { backend, count } = backendWith()
    const x = feed('x', 'f32', [2, 2])
    const square = () => backend.compile({ name: 'square', outputs: { y: matmul(x, x) } })
    const [first, second, third] = await Promise.all([square(), square(), square()])
    expect(count('open')).toBe(1)
    first?.release()
    first?.release()
    second?.release()
    expect(count('close')).toBe(0)
    await expect(first?.run({})).rejects.toMatchObject({ code: 'backend.closed' })
    third?.release()
    expect(count('close')).toBe(1)
    await square()
    expect(count('open')).toBe(2)
  })

  it('end with the weights that they were compiled with', async () => {
    const { backend, count } = backendWith()
    const own = source()
    for (let round = 1; round <= 3; round++) {
      const weights = await backend.loadWeights(new Map([request(own)]))
      const kept = await backend.compile(scaled(), { weights })
      weights.release()
      await new Promise((resolve) => setTimeout(resolve))
      expect([count('open'), count('close'), count('dropWeight')]).toEqual([round, round, round])
      await expect(kept.run({})).rejects.toMatchObject({ code: 'backend.closed' })
    }
  })
})

describe('weights', () => {
  it('go on loading for one caller when another aborts, and are placed once', async () => {
    let open = () => {}
    const { backend, count, signals } = backendWith(() => new Promise((resolve) => (open = resolve)))
    const abort = new AbortController()
    const own = source()
    const [first, second] = [
      backend.loadWeights(new Map([request(own)]), { signal: abort.signal }),
      backend.loadWeights(new Map([request(own), ['again', { source: own, dtype: 'f32' }]])),
    ]
    abort.abort('mine only')
    await expect(first).rejects.toBe('mine only')
    expect(signals[0]?.aborted).toBe(false)
    open()
    const weights = await second
    expect([signals.length, count('addWeight')]).toEqual([1, 1])
    weights.release()
    weights.release()
    expect(count('dropWeight')).toBe(1)
  })

  it('that nobody waits for any more leave nothing in the host, and are loaded again when they are wanted', async () => {
    const opened: (() => void)[] = []
    const { backend, count, signals } = backendWith(() => new Promise((resolve) => opened.push(resolve)))
    const abort = new AbortController()
    const own = source()
    const loading = backend.loadWeights(new Map([request(own)]), { signal: abort.signal })
    abort.abort('enough')
    await expect(loading).rejects.toBe('enough')
    expect(signals[0]?.aborted).toBe(true)
    const again = backend.loadWeights(new Map([request(own)]))
    for (const open of opened) open()
    const weights = await again
    expect([count('addWeight'), count('dropWeight')]).toEqual([2, 1])
    weights.release()
    expect(count('dropWeight')).toBe(2)
  })

  it('stay as long as any set has them', async () => {
    const { backend, count } = backendWith()
    const own = source()
    const [first, second] = [
      await backend.loadWeights(new Map([request(own)])),
      await backend.loadWeights(new Map([request(own)])),
    ]
    first.release()
    expect(count('dropWeight')).toBe(0)
    second.release()
    expect([count('addWeight'), count('dropWeight')]).toEqual([1, 1])
  })
})
