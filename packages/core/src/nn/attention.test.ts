/** Attention, with and without a cache, against its definition in plain loops. */
import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { feed } from '../graph/ops/input.js'
import type { Tensor } from '../graph/tensor.js'
import { Random } from '../random.js'
import { sizeOf } from '../shape.js'
import { type AttentionAttributes, attention, attentionWithSums } from './attention.js'
import { cachedAttention } from './cached-attention.js'

const CLOSE = 1e-12 // float64 throughout

const random = (shape: readonly number[], seed: number) =>
  hostTensor('f64', shape, new Random(seed).normal(sizeOf(shape), 1))

async function run(build: (...inputs: Tensor[]) => Record<string, Tensor>, tensors: readonly HostTensor[]) {
  const inputs = tensors.map(({ dtype, shape }, i) => feed(String(i), dtype, shape))
  const executable = await reference().compile({ name: 'attention', outputs: build(...inputs) })
  return executable.run({ feeds: Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor])) })
}

interface Given {
  readonly keep?: HostTensor | undefined
  readonly documents?: HostTensor | undefined
  readonly bias?: HostTensor | undefined
  readonly sinks?: HostTensor | undefined
}

/** The definition: each query averages the values of the keys it sees by their exponentials; also the log of their sum. */
function byDefinition(
  [q, k, v]: readonly HostTensor[],
  { keep, documents, bias, sinks }: Given,
  { scale, causal, window, softCap }: AttentionAttributes,
) {
  const [batch, heads, queries, size] = (q as HostTensor).shape as [number, number, number, number]
  const [, groups, keys] = (k as HostTensor).shape as [number, number, number]
  const y = new Float64Array(batch * heads * queries * size)
  const sums = new Float64Array(batch * heads * queries)
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h / (heads / groups))
      const at = (x: HostTensor | undefined, i: number, j: number) =>
        x?.data[((b * groups + group) * keys + i) * size + j] as number
      for (let i = 0; i < queries; i++) {
        const row = (b * heads + h) * queries + i
        const position = i + keys - queries
        const seen = Array.from({ length: keys }, (_, j) => j).filter(
          (j) =>
            (!causal || j <= position) &&
            (window === null || position - j < window) &&
            (keep === undefined || keep.data[b * keys + j] !== 0) &&
            (documents === undefined || documents.data[b * keys + i] === documents.data[b * keys + j]),
        )
        const weights = seen.map((j) => {
          let dot = 0
          for (let d = 0; d < size; d++) dot += (q?.data[row * size + d] as number) * at(k, j, d)
          const capped = softCap === undefined ? dot * scale : softCap * Math.tanh((dot * scale) / softCap)
          return Math.exp(capped + biasAt(bias, b, h, i, j))
        })
        const sink = sinks === undefined ? 0 : Math.exp(sinks.data[h] as number)
        const total = weights.reduce((a, w) => a + w, sink)
        sums[row] = Math.log(total)
        seen.forEach((j, n) => {
          for (let d = 0; d < size; d++)
            y[row * size + d] = (y[row * size + d] as number) + ((weights[n] as number) / total) * at(v, j, d)
        })
      }
    }
  }
  return { y, sums }
}

// Axes of size 1 are every index.
function biasAt(bias: HostTensor | undefined, ...index: readonly number[]): number {
  if (bias === undefined) return 0
  const flat = bias.shape.reduce((at, extent, axis) => at * extent + (extent === 1 ? 0 : (index[axis] as number)), 0)
  return bias.data[flat] as number
}

function furthest(got: HostTensor | undefined, want: Float64Array): number {
  expect(got?.data.length).toBe(want.length)
  return Math.max(...want.map((x, i) => Math.abs(x - (got?.data[i] as number))))
}

describe('attention', () => {
  const keep = hostTensor('bool', [2, 7], [1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1])
  const padded = hostTensor('bool', [2, 7], [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1])
  const documents = hostTensor('i32', [2, 7], [0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 2, 2, 2, 2])
  const sinks = random([4], 10)
  const settings: readonly (readonly [string, number, AttentionAttributes, Given])[] = [
    ['all keys', 5, { scale: 0.4, causal: false, window: null }, {}],
    ['causal', 7, { scale: 0.4, causal: true, window: null }, {}],
    ['causal, the last queries only', 3, { scale: 1.5, causal: true, window: null }, {}],
    ['causal, one query', 1, { scale: 0.4, causal: true, window: null }, {}],
    ['causal, padded', 7, { scale: 0.4, causal: true, window: null }, { keep }],
    ['padded', 4, { scale: 0.4, causal: false, window: null }, { keep }],
    ['causal, a window', 7, { scale: 0.4, causal: true, window: 3 }, {}],
    ['causal, a window longer than the keys', 7, { scale: 0.4, causal: true, window: 20 }, {}],
    ['documents, causal', 7, { scale: 0.4, causal: true, window: null }, { documents }],
    ['documents, causal, a window', 7, { scale: 0.4, causal: true, window: 2 }, { documents }],
    ['documents', 7, { scale: 0.4, causal: false, window: null }, { documents }],
    ['documents of rows with padding', 7, { scale: 0.4, causal: true, window: null }, { keep: padded, documents }],
    ['capped', 7, { scale: 2, causal: true, window: null, softCap: 1.5 }, {}],
    ['a bias of every head', 5, { scale: 0.4, causal: false, window: null }, { bias: random([1, 4, 5, 7], 11) }],
    ['a bias of every row', 5, { scale: 0.4, causal: true, window: null }, { bias: random([2, 1, 1, 7], 12) }],
    ['sinks', 5, { scale: 0.4, causal: true, window: null }, { sinks }],
    [
      'all of it',
      7,
      { scale: 2, causal: true, window: 3, softCap: 1.5 },
      { keep: hostTensor('bool', [2, 7], Array(14).fill(1)), bias: random([2, 4, 7, 7], 13), sinks },
    ],
  ]
  for (const [name, queries, setting, given] of settings) {
    it(`is its definition: ${name}, two heads to a group`, async () => {
      const tensors = [random([2, 4, queries, 3], 1), random([2, 2, 7, 3], 2), random([2, 2, 7, 3], 3)]
      const { y, sums } = await run(
        (...inputs) => {
          const [q, k, v, ...rest] = inputs as [Tensor, Tensor, Tensor, ...Tensor[]]
          const extras = Object.fromEntries(Object.keys(given).map((extra, i) => [extra, rest[i]]))
          return { ...attentionWithSums(q, k, v, setting, extras) }
        },
        [...tensors, ...Object.values(given)],
      )
      const want = byDefinition(tensors, given, setting)
      expect(furthest(y, want.y)).toBeLessThan(CLOSE)
      expect(furthest(sums, want.sums)).toBeLessThan(CLOSE)
    })
  }

  // Eager attention of transformers 5.18's Gemma 2 and gpt-oss in float64, over sines.
  const published: readonly (readonly [string, Partial<AttentionAttributes>, readonly number[], readonly number[]])[] =
    [
      [
        'a soft cap as Gemma 2',
        { softCap: 1.5 },
        [],
        [0, 1.3337392700073958, 1.1883491392590624, 1.5100678737583388, 0.8996852793120509, 0.5918292490532044].concat([
          0, 1.3337392700073958, 1.0844088011230029, 1.4946450945190584, 0.6737538317416134, 0.7511209513677171,
        ]),
      ],
      [
        'sinks as gpt-oss',
        {},
        [0.5, -1],
        [0, 0.688503215696618, 1.889981466180095, 1.595206929435173, 1.6144016165876247, 1.039685382766851].concat([
          0, 1.147553860681908, 0.8876579915344641, 1.2217405559133843, 0.08197376024678799, 0.49655929417773914,
        ]),
      ],
    ]
  it.each(published)('has %s', async (_, changes, sinks, want) => {
    const sines = (shape: readonly number[], step: number) =>
      hostTensor(
        'f64',
        shape,
        Float64Array.from({ length: sizeOf(shape) }, (_, i) => 2 * Math.sin(i * step)),
      )
    const { y } = await run(
      (q, k, v, own) => {
        const extras = sinks.length === 0 ? {} : { sinks: own }
        const setting = { scale: 0.8, causal: true, window: null, ...changes }
        return { y: attention(q as Tensor, k as Tensor, v as Tensor, setting, extras) }
      },
      [
        sines([1, 2, 3, 2], 0.37),
        sines([1, 1, 3, 2], 0.51),
        sines([1, 1, 3, 2], 0.73),
        ...(sinks.length === 0 ? [] : [hostTensor('f64', [2], [...sinks])]),
      ],
    )
    expect(furthest(y, Float64Array.from(want))).toBeLessThan(1e-6) // transformers' softmax is float32
  })

  it('is its definition over more queries than one block, with a window and documents across blocks', async () => {
    const documents = hostTensor(
      'i32',
      [1, 300],
      Int32Array.from({ length: 300 }, (_, i) => Math.floor(i / 90)),
    )
    for (const window of [null, 100]) {
      const tensors = [random([1, 1, 300, 2], 4), random([1, 1, 300, 2], 5), random([1, 1, 300, 2], 6), documents]
      const setting = { scale: 0.5, causal: true, window }
      const { whole, apart } = await run((...inputs) => {
        const [q, k, v, documents] = inputs as [Tensor, Tensor, Tensor, Tensor]
        return { whole: attention(q, k, v, setting), apart: attention(q, k, v, setting, { documents }) }
      }, tensors)
      expect(furthest(whole, byDefinition(tensors, {}, setting).y)).toBeLessThan(CLOSE)
      expect(furthest(apart, byDefinition(tensors, { documents }, setting).y)).toBeLessThan(CLOSE)
    }
  })
})

describe('cachedAttention', () => {
  for (const tokens of [1, 3]) {
    const variants: readonly (readonly [string, Partial<AttentionAttributes>, readonly ('bias' | 'sinks')[]])[] = [
      ['', {}, []],
      [', within a window', { window: 4 }, []],
      [', capped', { softCap: 1.5 }, []],
      [', with a bias and sinks', {}, ['bias', 'sinks']],
    ]
    for (const [name, changes, extras] of variants) {
      it(`gives ${tokens} new tokens what attention over everything gives them${name}`, async () => {
        const setting = { scale: 0.4, window: null, ...changes }
        const [filled, slots, unused] = [5, 8, 9e3]
        const q = random([2, 4, tokens, 3], 7)
        const [k, v] = [random([2, 2, filled + tokens, 3], 8), random([2, 2, filled + tokens, 3], 9)]
        const cut = (x: HostTensor, from: number, to: number, room: number) => {
          const out = new Float64Array(4 * room * 3).fill(unused)
          for (let row = 0; row < 4; row++) {
            const part = (x.data as Float64Array).subarray(
              (row * (filled + tokens) + from) * 3,
              (row * (filled + tokens) + to) * 3,
            )
            out.set(part, row * room * 3)
          }
          return hostTensor('f64', [2, 2, room, 3], out)
        }
        // The second row is padded by two tokens on the left.
        const keep = hostTensor(
          'bool',
          [2, slots],
          Array.from({ length: 2 * slots }, (_, i) => (i === slots || i === slots + 1 ? 0 : 1)),
        )
        const all = hostTensor(
          'bool',
          [2, filled + tokens],
          Array.from({ length: 2 * (filled + tokens) }, (_, i) =>
            i === filled + tokens || i === filled + tokens + 1 ? 0 : 1,
          ),
        )
        const given = [
          q,
          cut(k, 0, filled, slots),
          cut(v, 0, filled, slots),
          cut(k, filled, filled + tokens, tokens),
          cut(v, filled, filled + tokens, tokens),
          hostTensor('i32', [], [filled]),
          keep,
        ]
        // A bias over slots, of which those in use and the new ones are the keys.
        const bias = random([1, 4, tokens, slots + tokens], 14)
        const ofKeys = Array.from({ length: 4 * tokens }, (_, row) =>
          [...bias.data.subarray(row * (slots + tokens), (row + 1) * (slots + tokens))].filter(
            (_, slot) => slot < filled || slot >= slots,
          ),
        )
        const sinks = random([4], 15)
        const { y } = await run(
          (...inputs) => {
            const rest = inputs.slice(given.length) as [Tensor, Tensor] | []
            const parts = extras.length === 0 ? {} : { bias: rest[0], sinks: rest[1] }
            return {
              y: cachedAttention(
                inputs.slice(0, given.length) as unknown as Parameters<typeof cachedAttention>[0],
                setting,
                parts,
              ),
            }
          },
          extras.length === 0 ? given : [...given, bias, sinks],
        )
        const parts = { bias: hostTensor('f64', [1, 4, tokens, filled + tokens], ofKeys.flat() as number[]), sinks }
        const want = byDefinition(
          [q, k, v],
          { keep: all, ...(extras.length === 0 ? {} : parts) },
          { causal: true, ...setting },
        )
        expect(furthest(y, want.y)).toBeLessThan(CLOSE)
      })
    }
  }
})
