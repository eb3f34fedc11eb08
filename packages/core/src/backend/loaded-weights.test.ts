import { describe, expect, it } from 'vitest'
import type { DType } from '../dtype.js'
import type { ParameterSource } from '../parameter-source.js'
import type { WeightRequest } from './backend.js'
import { LoadedWeights } from './loaded-weights.js'

const source = (elements = 2): ParameterSource => ({
  dtype: 'f32',
  shape: [elements],
  read: async () => new Uint8Array(4 * elements),
})
const requests = (entries: Readonly<Record<string, ParameterSource>>, dtype: DType = 'f32') =>
  new Map<string, WeightRequest>(Object.entries(entries).map(([name, from]) => [name, { source: from, dtype }]))

/** Weights whose loading and leaving is written down; the named one fails once. */
function watched(fails?: string) {
  const log: string[] = []
  let left = fails === undefined ? 0 : 1
  const weights = new LoadedWeights<string>({
    async load(name, request) {
      const bytes = await request.source.read()
      if (name === fails && left-- > 0) throw new Error('broken')
      log.push(`loaded ${name} (${bytes.byteLength})`)
      return `${name} in ${request.dtype}`
    },
    release: (weight) => log.push(`gave back ${weight}`),
  })
  return { weights, log }
}

const go = () => {}

describe('loaded weights', () => {
  it('are loaded once for sets of the same sources and dtypes, and go with the last set', async () => {
    const { weights, log } = watched()
    const [a, b] = [source(), source()]
    const first = await weights.take(requests({ a, b }), {}, go)
    const second = await weights.take(requests({ again: a }), {}, go)
    const half = await weights.take(requests({ half: a }, 'f16'), {}, go)
    expect(first.weights).toEqual(
      new Map([
        ['a', 'a in f32'],
        ['b', 'b in f32'],
      ]),
    )
    expect(second.weights.get('again')).toBe('a in f32')
    expect(half.weights.get('half')).toBe('half in f16')
    first.release()
    first.release()
    expect(log).toEqual(['loaded a (8)', 'loaded b (8)', 'loaded half (8)', 'gave back b in f32'])
    second.release()
    half.release()
    expect(log.slice(4)).toEqual(['gave back a in f32', 'gave back half in f16'])
  })

  it('say how many bytes of the files are done', async () => {
    const { weights } = watched()
    const seen: unknown[] = []
    const onProgress = (...progress: unknown[]) => seen.push(progress)
    await weights.take(requests({ a: source(2), b: source(3) }), { onProgress }, go)
    expect(seen).toEqual([
      [8, 20, 'a'],
      [20, 20, 'b'],
    ])
  })

  it('leave nothing when one of them fails, and load again the next time', async () => {
    const { weights, log } = watched('b')
    const sources = requests({ a: source(), b: source() })
    await expect(weights.take(sources, {}, go)).rejects.toThrow('broken')
    expect(log).toEqual(['loaded a (8)', 'gave back a in f32'])
    const { weights: got } = await weights.take(sources, {}, go)
    expect(got.size).toBe(2)
  })

  it('leave nothing when loading is aborted or has become useless', async () => {
    for (const stop of ['signal', 'check'] as const) {
      const { weights, log } = watched()
      const abort = new AbortController()
      const onProgress = () => abort.abort(new Error('enough'))
      const check = () => {
        if (stop === 'check' && log.length > 0) throw new Error('enough')
      }
      const options = stop === 'signal' ? { signal: abort.signal, onProgress } : {}
      await expect(weights.take(requests({ a: source(), b: source() }), options, check)).rejects.toThrow('enough')
      expect(log).toEqual(['loaded a (8)', 'gave back a in f32'])
    }
  })

  it('are all given back at the end, also those that are being loaded', async () => {
    const { weights, log } = watched()
    let arrive = () => {}
    const slow: ParameterSource = {
      ...source(),
      read: () =>
        new Promise((resolve) => {
          arrive = () => resolve(new Uint8Array(8))
        }),
    }
    await weights.take(requests({ a: source() }), {}, go)
    let isClosed = false
    const loading = weights.take(requests({ slow }), {}, () => {
      if (isClosed) throw new Error('closed')
    })
    isClosed = true
    const cleared = weights.clear()
    arrive()
    await cleared
    await expect(loading).rejects.toThrow('closed')
    expect(log).toEqual(['loaded a (8)', 'gave back a in f32', 'loaded slow (8)', 'gave back slow in f32'])
  })
})
