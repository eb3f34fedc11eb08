/** onnxruntime-node passes the suite of backends. */
import { add, feed, gatherRows, hostTensor, input, matmul, type Program, writeRows } from '@espalier/core'
import { checkBackend } from '@espalier/testkit'
import { describe, expect, it, test } from 'vitest'
import { onnx } from './index.js'
import { workerTransport } from './node/worker-transport.js'

describe('onnx', () => {
  checkBackend(() => onnx({ threads: 2 }), { test, dtypes: ['f32', 'f16'], peakBytes: ({ byteLength }) => byteLength })

  it('refuses a number of threads that is not whole, or that no machine has', () => {
    for (const threads of [0, -1, 1.5, Number.NaN, 1025, 100_000])
      expect(() => onnx({ threads })).toThrow(expect.objectContaining({ code: 'config.value', details: { threads } }))
  })

  it('refuses an empty folder', () => {
    for (const options of [{ weightCache: { folder: '' } }, { profileFolder: '' }])
      expect(() => onnx(options)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('runs more programs at once than may live', async () => {
    const backend = onnx({ threads: 1 })
    const sizes = Array.from({ length: 40 }, (_, i) => i + 1)
    const compiled = await Promise.all(
      sizes.map((size) => {
        const x = feed('x', 'f32', [size, size])
        return backend.compile({ name: `square ${size}`, outputs: { y: matmul(x, x) } })
      }),
    )
    const run = (i: number) =>
      compiled[i]?.run({ feeds: { x: hostTensor('f32', [i + 1, i + 1], new Float32Array((i + 1) ** 2).fill(1)) } })
    const results = await Promise.all([0, ...sizes.keys(), 0, 2, 1].map(run))
    expect(results.map((result) => result?.y?.data[0])).toEqual([1, ...sizes, 1, 3, 2])
    await backend.close()
  })

  it('writes rows into a cache in place, or not at all when they do not fit', async () => {
    const backend = onnx({ threads: 1 })
    const cache = input('state', 'cache', 'f32', [2, 3, 1])
    const total = input('state', 'total', 'f32', [])
    const rows = feed('rows', 'f32', [2, 1, 1])
    const program: Program = {
      name: 'decode',
      outputs: {},
      updates: { cache: writeRows(cache, feed('at', 'i32', []), rows, 1), total: add(total, 1) },
    }
    const state = await backend.createState(
      new Map([
        ['cache', hostTensor('f32', [2, 3, 1])],
        ['total', hostTensor('f32', [])],
      ]),
    )
    const executable = await backend.compile(program)
    const run = (at: number) =>
      executable.run({
        feeds: { rows: hostTensor('f32', [2, 1, 1], [5, 6]), at: hostTensor('i32', [], [at]) },
        state: [{ set: state }],
      })
    await run(1)
    await expect(run(3)).rejects.toMatchObject({
      code: 'shape.mismatch',
      details: { program: 'decode', slot: 'cache', op: 'writeRows', start: 3, extent: 3 },
    })
    const read = await state.read()
    expect(Array.from(read.get('cache')?.data ?? [])).toEqual([0, 5, 0, 0, 6, 0])
    expect(read.get('total')?.data[0]).toBe(1)
    await backend.close()
  })

  it('takes the memory of state that is handed over, and copies other state', async () => {
    const [kept, given] = [hostTensor('f32', [2], [1, 2]), hostTensor('f32', [2], [3, 4])]
    const backend = onnx({ threads: 1 })
    const sets = [
      await backend.createState(new Map([['x', kept]])),
      await backend.createState(new Map([['x', given]]), { handsOver: true }),
    ]
    expect([...kept.data]).toEqual([1, 2])
    expect(given.data).toHaveLength(0)
    expect(await Promise.all(sets.map(async (set) => [...((await set.read()).get('x')?.data ?? [])]))).toEqual([
      [1, 2],
      [3, 4],
    ])
    await backend.close()
  })

  it('names the program, the op and the index when an index lies outside, and works on', async () => {
    const backend = onnx({ threads: 1 })
    const rows = gatherRows(feed('table', 'f32', [2, 1]), feed('at', 'i32', [1]))
    const executable = await backend.compile({ name: 'pick', outputs: { rows } })
    const run = (at: number) =>
      executable.run({ feeds: { table: hostTensor('f32', [2, 1], [3, 4]), at: hostTensor('i32', [1], [at]) } })
    for (const index of [7, -1, -7])
      await expect(run(index)).rejects.toMatchObject({
        code: 'shape.mismatch',
        details: { program: 'pick', op: 'gatherRows', index, size: 2 },
      })
    expect((await run(1)).rows?.data[0]).toBe(4)
    await backend.close()
  })

  it('says what to do where the native library is missing', async () => {
    const answer = { message: 'Cannot find module onnxruntime_binding.node', code: 'MODULE_NOT_FOUND', loading: true }
    const worker = `import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ id }) => parentPort.postMessage({ id, error: ${JSON.stringify(answer)} }))`
    const transport = workerTransport(new URL(`data:text/javascript,${encodeURIComponent(worker)}`))
    const failure = transport.request({ type: 'dropState', state: 1 })
    await expect(failure).rejects.toMatchObject({
      code: 'backend.missing',
      fix: expect.stringMatching(/Musl.*Intel Mac/),
    })
    await transport.close()
  })
})
