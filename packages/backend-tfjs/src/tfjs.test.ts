/** tfjs passes the suite of backends, on plain JavaScript and on wasm. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { add, feed, hostTensor, reduceSum, softmax } from '@espalier/core'
import { checkBackend } from '@espalier/testkit'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { tfjs } from './index.js'

const { resolve } = createRequire(import.meta.url)
setWasmPaths(join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), '/'))

describe.each(['cpu', 'wasm'])('tfjs on %s', (name) => {
  beforeAll(async () => {
    await tf.setBackend(name)
  })

  checkBackend(() => tfjs({ tf }), {
    test,
    async peakBytes(_, run) {
      const { peakBytes } = await tf.profile(async () => {
        await run()
        return tf.scalar(0)
      })
      return peakBytes
    },
  })
})

describe('tfjs', () => {
  it('says what to install when it is given no tfjs', () => {
    for (const given of [undefined, null, {}, { matMul: () => {} }])
      expect(() => tfjs({ tf: given as unknown as typeof tf })).toThrow(
        expect.objectContaining({
          code: 'backend.missing',
          fix: expect.stringMatching('npm install @tensorflow/tfjs-node'),
        }),
      )
  })

  it('takes a namespace that lies under default, as a CommonJS tfjs imported as ESM does', async () => {
    const backend = tfjs({ tf: { default: tf } as unknown as typeof tf })
    await backend.close()
  })

  it('refuses f64, and to compute in 16 bits, with what to do instead', async () => {
    const backend = tfjs({ tf })
    for (const dtype of ['f64', 'f16', 'bf16'] as const) {
      const x = feed('x', dtype, [2])
      await expect(backend.compile({ name: 'narrow', outputs: { y: add(x, x) } })).rejects.toMatchObject({
        code: 'backend.unsupported',
        details: { backend: 'tfjs', dtype },
      })
    }
    await backend.close()
  })

  it('sums a million numbers on wasm without the error of adding them one by one', async () => {
    await tf.setBackend('wasm')
    const backend = tfjs({ tf })
    const size = 1_000_003
    const executable = await backend.compile({ name: 'sum', outputs: { y: reduceSum(feed('x', 'f32', [size])) } })
    const { y } = await executable.run({ feeds: { x: hostTensor('f32', [size], new Float32Array(size).fill(0.1)) } })
    expect(Math.abs((y?.data[0] as number) / (size * Math.fround(0.1)) - 1)).toBeLessThan(1e-5)
    await backend.close()
  })

  it('says why 16-bit weights take more memory, for the preflight', () => {
    expect(tfjs({ tf }).widening).toBe('tfjs has no 16-bit floats')
  })

  it("runs a softmax as tfjs' own", async () => {
    await tf.setBackend('cpu')
    const backend = tfjs({ tf })
    const executable = await backend.compile({ name: 'shares', outputs: { y: softmax(feed('x', 'f32', [2])) } })
    const { kernelNames } = await tf.profile(async () => {
      await executable.run({ feeds: { x: hostTensor('f32', [2], [0, 1]) } })
      return tf.scalar(0)
    })
    expect(kernelNames).toContain('Softmax')
    await backend.close()
  })

  it('finishes what was asked of it before it was closed', async () => {
    await tf.setBackend('cpu')
    const before = tf.memory().numTensors
    const backend = tfjs({ tf })
    const x = feed('x', 'f32', [2])
    const executable = await backend.compile({ name: 'twice', outputs: { y: add(x, x) } })
    const state = await backend.createState(new Map([['s', hostTensor('f32', [2])]]))
    const run = executable.run({ feeds: { x: hostTensor('f32', [2], Float32Array.of(1, 2)) } })
    await Promise.all([
      expect(run).resolves.toMatchObject({ y: { data: Float32Array.of(2, 4) } }),
      expect(state.read()).resolves.toBeInstanceOf(Map),
      backend.close(),
    ])
    await expect(executable.run({ feeds: {} })).rejects.toMatchObject({ code: 'backend.closed' })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('says so when somebody takes its tensors away', async () => {
    await tf.setBackend('cpu')
    const backend = tfjs({ tf })
    const state = await backend.createState(new Map([['s', hostTensor('f32', [2])]]))
    ;(state as unknown as { get(name: string): tf.Tensor }).get('s').dispose()
    await expect(state.read()).rejects.toMatchObject({ code: 'backend.failed' })
    await backend.close()
  })
})
