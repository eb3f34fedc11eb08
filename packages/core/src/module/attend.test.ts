import { describe, expect, it } from 'vitest'
import { programSlots } from '../backend/program.js'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { mul, sub } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { constant, constantTensor } from '../graph/ops/constant.js'
import { feed } from '../graph/ops/input.js'
import { iota } from '../graph/ops/iota.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import type { Tensor } from '../graph/tensor.js'
import { Random } from '../random.js'
import { sizeOf } from '../shape.js'
import { type AttendOptions, attend, attendToEncoded } from './attend.js'
import { cacheKind, cacheSlot } from './cache-slots.js'
import { type Context, type ScoreBias, Trace } from './context.js'

const [BATCH, TOKENS] = [2, 5]
const shapes = { q: [BATCH, 4, TOKENS, 6], k: [BATCH, 2, TOKENS, 6], v: [BATCH, 2, TOKENS, 6] } as const
const feeds = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]) => [
    name,
    hostTensor('f32', shape, new Random(3).at(name).normal(sizeOf(shape), 1)),
  ]),
)
const [q, k, v] = (['q', 'k', 'v'] as const).map((name) => feed(name, 'f32', shapes[name])) as [Tensor, Tensor, Tensor]
const keep = constant(1, 'bool', [BATCH, TOKENS])
const plain = { layer: 0, scale: 0.4 }

const contextOf = (given: Partial<Context>): Context => ({
  batch: BATCH,
  length: TOKENS,
  positions: iota([1, TOKENS], 1),
  hasGivenPositions: false,
  mask: { causal: true, keep },
  trace: new Trace(),
  ...given,
})

async function values(y: Tensor, state?: Readonly<Record<string, HostTensor>>): Promise<number[]> {
  const backend = reference({ precision: 'f64' })
  const program = { name: 'attend', outputs: { y } }
  const executable = await backend.compile(program)
  const set = state === undefined ? undefined : await backend.createState(new Map(Object.entries(state)))
  const read = programSlots(program).feed
  const own = Object.fromEntries(Object.entries(feeds).filter(([name]) => read.has(name)))
  const result = await executable.run({ feeds: own, ...(set === undefined ? {} : { state: [{ set }] }) })
  return Array.from(result.y?.data ?? [], Number)
}

const furthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))

describe('attend with dropout', () => {
  const seed = constant(9, 'u32')
  const dropping = (rate: number, rest: Partial<AttendOptions> = {}) => ({
    ...plain,
    ...rest,
    dropout: { rate, site: 'a' },
  })

  it.each([
    ['causal', true, {}],
    ['all keys', false, {}],
    ['a window', true, { window: 2 }],
    ['a soft cap', true, { softCap: 0.5 }],
  ] as const)('of hardly any probability gives what attention without it gives: %s', async (_, causal, rest) => {
    const mask = { causal, keep }
    const without = await values(attend(q, k, v, contextOf({ mask }), { ...plain, ...rest }))
    const dropped = await values(attend(q, k, v, contextOf({ mask, seed }), dropping(1e-9, rest)))
    expect(furthest(without, dropped)).toBeLessThan(1e-6) // the mask is float32
  })

  it('drops only in a pass with a seed', async () => {
    const [still, dropped] = [contextOf({}), contextOf({ seed })]
    const [a, b, c] = await Promise.all([
      values(attend(q, k, v, still, plain)),
      values(attend(q, k, v, still, dropping(0.5))),
      values(attend(q, k, v, dropped, dropping(0.5))),
    ])
    expect(b).toEqual(a)
    expect(furthest(a, c)).toBeGreaterThan(0.1)
  })
})

describe('attend with a bias by place', () => {
  // Falls with the distance, as ALiBi.
  const bias: ScoreBias = (queries, keys) => {
    const [rows, columns] = [queries.shape[0] as number, keys.shape[0] as number]
    const distance = sub(reshape(keys, [1, columns]), reshape(queries, [rows, 1]))
    return reshape(mul(cast(distance, 'f32'), 0.3), [1, 1, rows, columns])
  }

  it('gives the last token from a cache what it gets from the whole row', async () => {
    const whole = attend(q, k, v, contextOf({ bias }), plain)
    const last = (x: Tensor) => sliceAxis(x, 2, TOKENS - 1, TOKENS)
    const slots = 7
    const cache = { slots, filled: constant(TOKENS - 1, 'i32'), keep: constant(1, 'bool', [BATCH, slots]) }
    const step = attend(last(q), last(k), last(v), contextOf({ bias, cache, length: 1 }), plain)
    const shape = [BATCH, 2, slots, 6]
    const stored = (name: 'k' | 'v') => {
      const data = new Float32Array(sizeOf(shape)).fill(50)
      for (let row = 0; row < BATCH * 2; row++)
        data.set(
          (feeds[name] as HostTensor).data.slice(row * TOKENS * 6, (row * TOKENS + TOKENS - 1) * 6) as Float32Array,
          row * slots * 6,
        )
      return hostTensor('f32', shape, data)
    }
    const got = await values(step, { 'cache.self.0.key': stored('k'), 'cache.self.0.value': stored('v') })
    expect(furthest(got, await values(last(whole)))).toBeLessThan(1e-12)
    const without = await values(last(attend(q, k, v, contextOf({}), plain)))
    expect(furthest(got, without)).toBeGreaterThan(0.01)
  })
})

describe('attend behind a prefix', () => {
  const tail = (x: Tensor) => sliceAxis(x, 2, 2, TOKENS)
  const prefix = { keyValue: () => ({ key: sliceAxis(k, 2, 0, 2), value: sliceAxis(v, 2, 0, 2) }) }
  const length = TOKENS - 2
  const mask = { causal: true, keep: constant(1, 'bool', [BATCH, length]) }

  it('sees it as tokens before the first', async () => {
    const whole = await values(tail(attend(q, k, v, contextOf({}), plain)))
    const own = await values(attend(tail(q), tail(k), tail(v), contextOf({ prefix, length, mask }), plain))
    expect(furthest(own, whole)).toBeLessThan(1e-12)
  })

  it('writes it into the first slots of an empty cache', () => {
    const context = contextOf({ prefix, length, mask, cache: { slots: 8, keep: constant(1, 'bool', [BATCH, 8]) } })
    attend(tail(q), tail(k), tail(v), context, plain)
    const rows = context.trace.updates.get('cache.self.0.key')?.node.inputs[2]
    expect(rows?.shape).toEqual([BATCH, 2, TOKENS, 6])
  })
})

describe('attendToEncoded', () => {
  const hidden = feed('q', 'f32', shapes.q)
  const seen = constantTensor(hostTensor('bool', [BATCH, TOKENS], [1, 1, 1, 0, 0, 1, 1, 1, 1, 1]))
  const encoded = { hidden, length: TOKENS, keep: seen }
  const project = () => ({ key: mul(q, 0.5), value: mul(q, 2) })
  const { key, value } = project()
  const query = sliceAxis(q, 2, 0, 3)

  it('is attention to all of the source but its padding, without the decoder’s window, bias and prefix', async () => {
    const bias: ScoreBias = () => constant(3, 'f32', [1, 1, 1, 1])
    const own = contextOf({ encoded, bias, length: 3 })
    const got = await values(attendToEncoded(query, project, own, { ...plain, window: 1 }))
    const whole = attend(q, key, value, contextOf({ mask: { causal: false, keep: seen } }), plain)
    expect(furthest(got, await values(sliceAxis(whole, 2, 0, 3)))).toBeLessThan(1e-12)
  })

  it('keeps its keys and values beside those of the layer itself, and reads them again', async () => {
    const cache = { slots: 8, keep: constant(1, 'bool', [BATCH, 8]) }
    const context = contextOf({ encoded, cache })
    attend(q, k, v, context, plain)
    attendToEncoded(q, project, context, plain)
    const { updates } = context.trace
    const names = (['self', 'cross'] as const).flatMap((kind) =>
      (['key', 'value'] as const).map((part) => cacheSlot(kind, 0, part)),
    )
    expect([...updates.keys()]).toEqual(names)
    expect(names.map(cacheKind)).toEqual(['self', 'self', 'cross', 'cross'])
    expect(cacheKind('adapter.cache.self.0.key')).toBeUndefined()

    const held = async (part: 'key' | 'value') => {
      const slot = cacheSlot('cross', 0, part)
      return [slot, hostTensor('f32', shapes.q, await values(updates.get(slot) as Tensor))] as const
    }
    const later = contextOf({ encoded: { length: TOKENS, keep: seen }, cache, length: 3 })
    const unused = () => {
      throw new Error('projected again')
    }
    const again = attendToEncoded(query, unused, later, plain)
    expect(later.trace.updates.size).toBe(0)
    const got = await values(again, Object.fromEntries([await held('key'), await held('value')]))
    const first = await values(attendToEncoded(query, project, contextOf({ encoded, length: 3 }), plain))
    expect(furthest(got, first)).toBeLessThan(1e-6) // the cache is float32
  })

  it('needs an encoder’s output', () => {
    expect(() => attendToEncoded(q, project, contextOf({}), plain)).toThrow(
      expect.objectContaining({ code: 'graph.slot' }),
    )
  })
})
