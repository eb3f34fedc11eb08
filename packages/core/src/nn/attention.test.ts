/** Attention, with and without a cache, against its definition in plain loops. */
import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { call } from '../graph/ops/call.js'
import { feed } from '../graph/ops/input.js'
import type { Tensor } from '../graph/tensor.js'
import { Random } from '../random.js'
import { sizeOf } from '../shape.js'
import { attention, attentionCall } from './attention.js'
import { cachedAttention } from './cached-attention.js'

const CLOSE = 1e-12 // float64 throughout

const random = (shape: readonly number[], seed: number) =>
  hostTensor('f64', shape, new Random(seed).normal(sizeOf(shape), 1))

async function run(build: (...inputs: Tensor[]) => Record<string, Tensor>, tensors: readonly HostTensor[]) {
  const inputs = tensors.map(({ dtype, shape }, i) => feed(String(i), dtype, shape))
  const executable = await reference().compile({ name: 'attention', outputs: build(...inputs) })
  return executable.run({ feeds: Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor])) })
}

interface Setting {
  readonly scale: number
  readonly causal: boolean
  readonly window: number | null
}

/** The definition: each query averages the values of the keys it sees by their exponentials; also the log of their sum. */
function byDefinition(
  [q, k, v]: readonly HostTensor[],
  keep: HostTensor | undefined,
  { scale, causal, window }: Setting,
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
            (keep === undefined || keep.data[b * keys + j] !== 0),
        )
        const weights = seen.map((j) => {
          let dot = 0
          for (let d = 0; d < size; d++) dot += (q?.data[row * size + d] as number) * at(k, j, d)
          return Math.exp(dot * scale)
        })
        const total = weights.reduce((a, w) => a + w, 0)
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

function furthest(got: HostTensor | undefined, want: Float64Array): number {
  expect(got?.data.length).toBe(want.length)
  return Math.max(...want.map((x, i) => Math.abs(x - (got?.data[i] as number))))
}

describe('attention', () => {
  const keep = hostTensor('bool', [2, 7], [1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1])
  const settings: readonly (readonly [string, number, Setting, HostTensor | undefined])[] = [
    ['all keys', 5, { scale: 0.4, causal: false, window: null }, undefined],
    ['causal', 7, { scale: 0.4, causal: true, window: null }, undefined],
    ['causal, the last queries only', 3, { scale: 1.5, causal: true, window: null }, undefined],
    ['causal, one query', 1, { scale: 0.4, causal: true, window: null }, undefined],
    ['causal, padded', 7, { scale: 0.4, causal: true, window: null }, keep],
    ['padded', 4, { scale: 0.4, causal: false, window: null }, keep],
    ['causal, a window', 7, { scale: 0.4, causal: true, window: 3 }, undefined],
    ['causal, a window longer than the keys', 7, { scale: 0.4, causal: true, window: 20 }, undefined],
  ]
  for (const [name, queries, setting, mask] of settings) {
    it(`is its definition: ${name}, two heads to a group`, async () => {
      const tensors = [random([2, 4, queries, 3], 1), random([2, 2, 7, 3], 2), random([2, 2, 7, 3], 3)]
      const given = mask === undefined ? tensors : [...tensors, mask]
      const { y, sums } = await run((...inputs) => {
        const [output, log] = call(attentionCall, inputs, { ...setting })
        return { y: output as Tensor, sums: log as Tensor }
      }, given)
      const want = byDefinition(tensors, mask, setting)
      expect(furthest(y, want.y)).toBeLessThan(CLOSE)
      expect(furthest(sums, want.sums)).toBeLessThan(CLOSE)
    })
  }

  it('is its definition over more queries than one block, with a window across blocks', async () => {
    for (const window of [null, 100]) {
      const tensors = [random([1, 1, 300, 2], 4), random([1, 1, 300, 2], 5), random([1, 1, 300, 2], 6)]
      const setting = { scale: 0.5, causal: true, window }
      const { y } = await run((q, k, v) => ({ y: attention(q as Tensor, k as Tensor, v as Tensor, setting) }), tensors)
      expect(furthest(y, byDefinition(tensors, undefined, setting).y)).toBeLessThan(CLOSE)
    }
  })
})

describe('cachedAttention', () => {
  for (const tokens of [1, 3]) {
    for (const window of [null, 4]) {
      it(`gives ${tokens} new tokens what attention over everything gives them${window === null ? '' : ', within a window'}`, async () => {
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
        const { y } = await run(
          (...inputs) => ({
            y: cachedAttention(inputs as unknown as Parameters<typeof cachedAttention>[0], { scale: 0.4, window }),
          }),
          given,
        )
        const want = byDefinition([q, k, v], all, { scale: 0.4, causal: true, window })
        expect(furthest(y, want.y)).toBeLessThan(CLOSE)
      })
    }
  }
})
