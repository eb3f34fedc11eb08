/** What is particular to the reference executor; the rest is checked by the testkit, as for every backend. */
import { describe, expect, it } from 'vitest'
import { type DType, decodeF16, hostTensor } from '../dtype.js'
import { add, mul } from '../graph/ops/binary.js'
import { cast } from '../graph/ops/cast.js'
import { constant } from '../graph/ops/constant.js'
import { gatherAlong } from '../graph/ops/gather-along.js'
import { gatherRows } from '../graph/ops/gather-rows.js'
import { feed, input } from '../graph/ops/input.js'
import { scatterAddRows } from '../graph/ops/scatter-add-rows.js'
import { exp } from '../graph/ops/unary.js'
import { writeRows } from '../graph/ops/write-rows.js'
import type { Tensor } from '../graph/tensor.js'
import type { ParameterSource } from '../parameter-source.js'
import { reference } from './reference.js'

async function run(
  y: Tensor,
  feeds: Record<string, ReturnType<typeof hostTensor>> = {},
  precision: 'f32' | 'f64' = 'f32',
) {
  const executable = await reference({ precision }).compile({ name: 'test', outputs: { y } })
  return (await executable.run({ feeds })).y
}

function source(dtype: DType, values: readonly number[]): ParameterSource & { reads: number } {
  const { data } = hostTensor(dtype, [values.length], values)
  const own = {
    dtype,
    shape: [values.length],
    reads: 0,
    read: async () => {
      own.reads++
      return new Uint8Array(data.buffer.slice(0))
    },
  }
  return own
}

describe('reference', () => {
  it('rounds f32 after every op, or never in float64', async () => {
    const y = cast(exp(add(constant(0.1), 0.2)), 'f64')
    expect((await run(y))?.data[0]).toBe(Math.fround(Math.exp(Math.fround(Math.fround(0.1) + Math.fround(0.2)))))
    expect((await run(y, {}, 'f64'))?.data[0]).toBe(Math.exp(0.1 + 0.2))
  })

  it('rounds f16 after every op in both precisions', async () => {
    const y = cast(mul(feed('x', 'f16', [1]), feed('x', 'f16', [1])), 'f32')
    const feeds = { x: hostTensor('f16', [1], [1.0009765625]) }
    for (const precision of ['f32', 'f64'] as const) expect((await run(y, feeds, precision))?.data[0]).toBe(1.001953125)
  })

  it('refuses indices outside the tensor, which kernels may not', async () => {
    const [x, i] = [feed('x', 'f32', [3]), feed('i', 'i32', [1])]
    const rows = [gatherRows(x, i), gatherAlong(x, i, 0), scatterAddRows(i, feed('x', 'f32', [1]), 3)]
    for (const y of rows) {
      for (const index of [3, -1]) {
        const feeds = { x: hostTensor('f32', y === rows[2] ? [1] : [3]), i: hostTensor('i32', [1], [index]) }
        await expect(run(y, feeds)).rejects.toMatchObject({ code: 'shape.mismatch' })
      }
    }
    const late = writeRows(x, feed('at', 'i32', []), feed('rows', 'f32', [2]), 0)
    const feeds = { x: hostTensor('f32', [3]), at: hostTensor('i32', [], [2]), rows: hostTensor('f32', [2]) }
    await expect(run(late, feeds)).rejects.toMatchObject({ code: 'shape.mismatch' })
  })

  it('commits nothing when a run fails half way', async () => {
    const backend = reference()
    const set = await backend.createState(new Map([['s', hostTensor('f32', [2], [1, 2])]]))
    const s = input('state', 's', 'f32', [2])
    const program = { name: 'fails', outputs: { y: gatherRows(s, feed('i', 'i32', [])) }, updates: { s: add(s, 1) } }
    const executable = await backend.compile(program)
    const attempt = (index: number) =>
      executable.run({ feeds: { i: hostTensor('i32', [], [index]) }, state: [{ set }] })
    await expect(attempt(5)).rejects.toMatchObject({ code: 'shape.mismatch' })
    expect((await set.read()).get('s')?.data).toEqual(new Float32Array([1, 2]))
    await attempt(1)
    expect((await set.read()).get('s')?.data).toEqual(new Float32Array([2, 3]))
  })

  it('reads a source once per dtype and converts it: rounded to f16, widened to f32', async () => {
    const backend = reference()
    const file = source('f32', [0.1, 2])
    const load = async (dtype: DType) => {
      const weights = await backend.loadWeights(new Map([['w', { source: file, dtype }]]))
      const executable = await backend.compile(
        { name: 'w', outputs: { y: cast(input('weight', 'w', dtype, [2]), 'f64') } },
        { weights },
      )
      return Array.from((await executable.run({})).y?.data ?? [])
    }
    expect(await load('f32')).toEqual([Math.fround(0.1), 2])
    expect(await load('f16')).toEqual([decodeF16(0x2e66), 2])
    expect(await load('f32')).toEqual([Math.fround(0.1), 2])
    expect(file.reads).toBe(2)
  })

  it('refuses weights in another dtype than the program reads, and sets of another backend, with graph.slot', async () => {
    const backend = reference()
    const weights = await backend.loadWeights(new Map([['w', { source: source('f32', [1]), dtype: 'f16' }]]))
    const program = { name: 'w', outputs: { y: input('weight', 'w', 'f32', [1]) } }
    const slot = { code: 'graph.slot' }
    await expect(backend.compile(program, { weights })).rejects.toMatchObject(slot)
    await expect(
      backend.compile(program, { weights: { names: new Set(['w']), byteLength: 4, release() {} } }),
    ).rejects.toMatchObject(slot)
    const executable = await backend.compile({ name: 's', outputs: { y: input('state', 's', 'f32', [1]) } })
    const specs = new Map([['s', { dtype: 'f32' as const, shape: [1] }]])
    const foreign = { specs, byteLength: 4, read: async () => new Map(), write: async () => {}, release() {} }
    await expect(executable.run({ state: [{ set: foreign }] })).rejects.toMatchObject(slot)
  })

  it('says how many bytes weights hold, and none after release', async () => {
    const weights = await reference().loadWeights(new Map([['w', { source: source('bf16', [1, 2, 3]), dtype: 'f32' }]]))
    expect(weights.byteLength).toBe(12)
    weights.release()
    expect(weights.byteLength).toBe(0)
  })
})
