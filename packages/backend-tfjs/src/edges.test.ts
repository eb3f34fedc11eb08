/** What tfjs' own kernels get wrong, silently or with errors of their own, at the edges of their inputs and of a tensor's life. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  abs,
  add,
  type Backend,
  constantTensor,
  dropout,
  feed,
  gatherAlong,
  gatherRows,
  hostTensor,
  max,
  min,
  mul,
  neg,
  type Program,
  pad,
  reference,
  scatterAddRows,
  sign,
  type Tensor,
  topK,
  writeRows,
} from '@espalier/core'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { tfjs } from './index.js'

const { resolve } = createRequire(import.meta.url)
setWasmPaths(join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), '/'))

const floats = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  hostTensor('f32', shape, Float32Array.from(values))
const integers = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  hostTensor('i32', shape, Int32Array.from(values))
type Feeds = Readonly<Record<string, ReturnType<typeof floats>>>

async function run(backend: Backend, outputs: Readonly<Record<string, Tensor>>, feeds: Feeds) {
  try {
    return await (await backend.compile({ name: 'edge', outputs })).run({ feeds })
  } finally {
    await backend.close()
  }
}

describe.each(['cpu', 'wasm'])('tfjs on %s', (name) => {
  beforeAll(async () => {
    await tf.setBackend(name)
  })

  it.each([-1, 3, 2 ** 31 - 1])(
    'refuses the index %i of three as the reference does, and stays usable',
    async (index) => {
      const [table, i] = [feed('table', 'f32', [3, 3]), feed('i', 'i32', [3])]
      const along = feed('along', 'i32', [3, 1])
      const feeds = {
        table: floats([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]),
        i: integers([0, index, 0]),
        along: integers([0, index, 0], [3, 1]),
      }
      for (const y of [gatherRows(table, i), gatherAlong(table, along, 1), scatterAddRows(i, table, 3)]) {
        const needed = Object.fromEntries(
          Object.entries(feeds).filter(([slot]) =>
            y.node.inputs.some((x) => (x.node.attrs as { name: string }).name === slot),
          ),
        )
        for (const backend of [reference(), tfjs({ tf })])
          await expect(run(backend, { y }, needed)).rejects.toMatchObject({
            code: 'shape.mismatch',
            details: { index },
          })
      }
      expect(tf.memory().numTensors).toBe(0)
      const { y } = await run(tfjs({ tf }), { y: add(table, table) }, { table: feeds.table })
      expect(y?.data[8]).toBe(18)
    },
  )

  it('keeps NaN in signs and in the larger and smaller of two', async () => {
    const [a, b] = [feed('a', 'f32', [4]), feed('b', 'f32', [4])]
    const feeds = { a: floats([Number.NaN, 1, Number.NaN, -3]), b: floats([1, Number.NaN, Number.NaN, 2]) }
    const { less, more, own } = await run(tfjs({ tf }), { less: min(a, b), more: max(a, b), own: sign(a) }, feeds)
    expect([...(less?.data ?? [])]).toEqual([Number.NaN, Number.NaN, Number.NaN, -3])
    expect([...(more?.data ?? [])]).toEqual([Number.NaN, Number.NaN, Number.NaN, 2])
    expect([...(own?.data ?? [])]).toEqual([Number.NaN, 1, Number.NaN, -1])
  })

  it('computes with whole numbers that f32 cannot hold', async () => {
    const x = feed('x', 'i32', [3])
    const { minus, size, padded } = await run(
      tfjs({ tf }),
      { minus: neg(x), size: abs(x), padded: pad(x, [1], [0], 16777217) },
      { x: integers([16777217, -123456789, 2147483647]) },
    )
    expect([...(minus?.data ?? [])]).toEqual([-16777217, 123456789, -2147483647])
    expect([...(size?.data ?? [])]).toEqual([16777217, 123456789, 2147483647])
    expect([...(padded?.data ?? [])]).toEqual([16777217, 16777217, -123456789, 2147483647])
  })

  it('wraps products of whole numbers that have more bits than a double', async () => {
    const y = mul(feed('x', 'i32', [2]), 2147483647)
    const { y: got } = await run(tfjs({ tf }), { y }, { x: integers([2147483647, 16777217]) })
    expect([...(got?.data ?? [])]).toEqual([1, 2130706431])
  })

  it.each([-1, 2, 3])('refuses to write two rows of three at %i, as the reference does', async (start) => {
    const y = writeRows(feed('buffer', 'f32', [3, 1]), feed('start', 'i32', []), feed('rows', 'f32', [2, 1]), 0)
    const feeds = { buffer: floats([1, 2, 3], [3, 1]), start: integers([start], []), rows: floats([8, 9], [2, 1]) }
    for (const backend of [reference(), tfjs({ tf })])
      await expect(run(backend, { y }, feeds)).rejects.toMatchObject({ code: 'shape.mismatch', details: { start } })
  })

  it('pads with NaN and infinities, each with its own', async () => {
    for (const value of [5, Number.NaN, -Infinity, Number.NaN, 7]) {
      const { y } = await run(tfjs({ tf }), { y: pad(feed('x', 'f32', [2]), [1], [1], value) }, { x: floats([1, 2]) })
      expect([...(y?.data ?? [])]).toEqual([value, 1, 2, value])
    }
  })

  it('finds the largest beside infinities', async () => {
    const { values, indices } = topK(feed('x', 'f32', [3]), 2)
    const found = await run(tfjs({ tf }), { values, indices }, { x: floats([-Infinity, 0, Infinity]) })
    expect([...(found.values?.data ?? [])]).toEqual([Infinity, 0])
    expect([...(found.indices?.data ?? [])]).toEqual([2, 1])
  })

  it('gives the results of the reference over seven axes, or says that it cannot', async () => {
    const shape = [2, 3, 2, 3, 2, 3, 2]
    const x = feed('x', 'f32', shape)
    const row = feed('row', 'f32', [1, 3, 1, 3, 1, 3, 1])
    const feeds = {
      x: floats(
        Array.from({ length: 432 }, (_, i) => i),
        shape,
      ),
      row: floats(
        Array.from({ length: 27 }, (_, i) => i),
        row.shape,
      ),
    }
    for (const [y, given] of [
      [add(x, row), feeds],
      [
        pad(
          x,
          shape.map(() => 1),
          shape.map(() => 0),
          2,
        ),
        { x: feeds.x },
      ],
    ] as const) {
      if (name === 'wasm')
        await expect(run(tfjs({ tf }), { y }, given)).rejects.toMatchObject({ code: 'backend.unsupported' })
      else expect(await run(tfjs({ tf }), { y }, given)).toEqual(await run(reference(), { y }, given))
    }
  })
})

describe('tfjs', () => {
  const twice = (): Program => {
    const x = feed('x', 'f32', [2])
    return { name: 'twice', outputs: { y: mul(add(x, x), constantTensor(floats([3, 2]))) } }
  }
  const feeds = { x: floats([1, 2]) }

  beforeAll(async () => {
    await tf.setBackend('cpu')
  })

  it('refuses to run a program with the kernels of another backend than it was compiled for, until that is back', async () => {
    const backend = tfjs({ tf })
    const executable = await backend.compile(twice())
    await tf.setBackend('wasm')
    await expect(executable.run({ feeds })).rejects.toMatchObject({
      code: 'backend.unsupported',
      details: { compiled: 'cpu', current: 'wasm' },
    })
    await tf.setBackend('cpu')
    await expect(executable.run({ feeds })).resolves.toMatchObject({ y: { data: Float32Array.of(6, 8) } })
    await backend.close()
  })

  it('hands out no program that its last user has just released', async () => {
    const backend = tfjs({ tf })
    const first = await backend.compile(twice())
    const again = backend.compile(twice())
    first.release()
    await expect((await again).run({ feeds })).resolves.toMatchObject({ y: { data: Float32Array.of(6, 8) } })
    await backend.close()
  })

  it('leaves nothing of a state that it cannot hold', async () => {
    const before = tf.memory().numTensors
    const backend = tfjs({ tf })
    const tensors = new Map([
      ['a', floats([1])],
      ['b', hostTensor('f64', [1])],
    ])
    await expect(backend.createState(tensors)).rejects.toMatchObject({ code: 'backend.unsupported' })
    expect(tf.memory().numTensors).toBe(before)
    await backend.close()
  })

  it('survives scopes that open and end while a run waits', async () => {
    for (const ticks of [1, 2, 3, 4, 5, 6, 8]) {
      const backend = tfjs({ tf })
      const [x, seed] = [feed('x', 'f32', [2]), feed('seed', 'u32', [])]
      const square = mul(x, x)
      const executable = await backend.compile({
        name: 'scoped',
        outputs: { y: add(dropout(square, seed, 0.5, 'site'), square) },
      })
      const running = executable.run({ feeds: { x: floats([1, 2]), seed: hostTensor('u32', [], [3]) } })
      tf.engine().startScope()
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve()
      tf.engine().endScope()
      await expect(running).resolves.toHaveProperty('y')
      await backend.close()
    }
  })

  it('names program and op where a kernel fails, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors
    const broken = () => {
      throw new Error('no such kernel')
    }
    await expect(run(tfjs({ tf: { ...tf, add: broken } as typeof tf }), twice().outputs, feeds)).rejects.toMatchObject({
      code: 'backend.failed',
      details: { program: 'edge', op: 'binary.add', message: 'no such kernel' },
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('keeps no state that was asked for while it closed', async () => {
    const before = tf.memory().numTensors
    const backend = tfjs({ tf })
    const state = backend.createState(new Map([['a', floats([1])]]))
    const outcome = state.then(
      () => 'made',
      ({ code }) => code,
    )
    await backend.close()
    expect(['made', 'backend.closed']).toContain(await outcome)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('reports a tensor that there is no room for as its own error', async () => {
    const full = () => {
      throw new Error('out of memory')
    }
    const backend = tfjs({ tf: { ...tf, tensor: full } as typeof tf })
    await expect(backend.createState(new Map([['a', floats([1])]]))).rejects.toMatchObject({
      code: 'backend.failed',
      details: { message: 'out of memory' },
    })
    await backend.close()
  })

  it('says so when no backend of tfjs starts', async () => {
    const none = async () => {
      throw new Error('No backend found in registry.')
    }
    const backend = tfjs({ tf: { ...tf, ready: none } as typeof tf })
    await expect(backend.compile(twice())).rejects.toMatchObject({ code: 'backend.missing' })
    await expect(backend.createState(new Map())).rejects.toMatchObject({ code: 'backend.missing' })
    await expect(backend.loadWeights(new Map())).rejects.toMatchObject({ code: 'backend.missing' })
    await backend.close()
  })
})
