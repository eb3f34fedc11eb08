/** tfjs frees nothing by itself: what a run makes is gone after it, what a set holds after its release, and everything after close. */
import {
  add,
  constantTensor,
  dropout,
  feed,
  gradients,
  hostTensor,
  memorySource,
  mul,
  reduceSum,
  reference,
  type Tensor,
  type WeightRequest,
} from '@espalier/core'
import { feedsOfStep, prepareStep } from '@espalier/testkit'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, it } from 'vitest'
import { tfjs } from './index.js'

const VOCABULARY = 13 // of the step

const held = () => {
  const { numTensors, numBytes } = tf.memory()
  return { numTensors, numBytes }
}

describe('tensors of tfjs', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu')
  })

  it('stay as many, and as large, over 1,000 training steps, the first ones with the losses of the reference', async () => {
    const backend = tfjs({ tf })
    const { set, executable } = await prepareStep(backend)
    const losses: number[] = []
    const counts: ReturnType<typeof held>[] = []
    for (let step = 0; step < 1000; step++) {
      const { loss } = await executable.run({ feeds: feedsOfStep(step), state: [{ set }] })
      losses.push(loss?.data[0] as number)
      counts.push(held())
    }
    expect(new Set(counts.map((count) => JSON.stringify(count))).size).toBe(1)
    expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] as number))
    const judge = await prepareStep(reference())
    for (let step = 0; step < 20; step++) {
      const { loss } = await judge.executable.run({ feeds: feedsOfStep(step), state: [{ set: judge.set }] })
      expect(Math.abs((losses[step] as number) / (loss?.data[0] as number) - 1)).toBeLessThan(1e-5)
    }
    await backend.close()
  })

  it('are all gone after close, and after the release of each', async () => {
    const before = held()
    const closed = tfjs({ tf })
    const first = await prepareStep(closed)
    await first.executable.run({ feeds: feedsOfStep(1), state: [{ set: first.set }] })
    await closed.close()
    expect(held()).toEqual(before)

    const backend = tfjs({ tf })
    const { weights, set, executable } = await prepareStep(backend)
    await executable.run({ feeds: feedsOfStep(1), state: [{ set }] })
    executable.release()
    set.release()
    weights.release()
    await backend.loadWeights(new Map())
    expect(held()).toEqual(before)
    await backend.close()
  })

  it('of a run that fails are gone, and its state is as it was', async () => {
    const backend = tfjs({ tf })
    const { set, executable } = await prepareStep(backend)
    const before = held()
    const values = await set.read()
    await expect(executable.run({ feeds: feedsOfStep(1, VOCABULARY), state: [{ set }] })).rejects.toMatchObject({
      code: 'shape.mismatch',
      details: { index: VOCABULARY, size: VOCABULARY },
    })
    expect(held()).toEqual(before)
    expect(await set.read()).toEqual(values)
    await backend.close()
  })

  it('that are released during a run serve it to the end', async () => {
    const backend = tfjs({ tf })
    const { weights, set, executable } = await prepareStep(backend)
    const running = executable.run({ feeds: feedsOfStep(1), state: [{ set }] })
    await Promise.resolve()
    const outcome = running.then(
      () => 'ran',
      ({ code }) => code,
    )
    executable.release()
    set.release()
    weights.release()
    expect(['ran', 'backend.closed']).toContain(await outcome)
    await backend.close()
  })

  it('of a run hold the values that its feeds had when it was asked for', async () => {
    const backend = tfjs({ tf })
    const executable = await backend.compile({ name: 'plus', outputs: { y: add(feed('x', 'f32', [1]), 1) } })
    const data = Float32Array.of(1)
    const results = [1, 2, 3].map((value) => {
      data[0] = value
      return executable.run({ feeds: { x: { dtype: 'f32', shape: [1], data } } })
    })
    data[0] = 100
    expect((await Promise.all(results)).map(({ y }) => y?.data[0])).toEqual([2, 3, 4])
    await backend.close()
  })

  it('of constants with values of their own are uploaded once, however large', async () => {
    let uploads = 0
    const tensor = (...given: Parameters<typeof tf.tensor>) => {
      uploads++
      return tf.tensor(...given)
    }
    const backend = tfjs({ tf: { ...tf, tensor } as typeof tf })
    const size = 2 ** 20 + 1
    const table = constantTensor(hostTensor('f32', [size], new Float32Array(size).fill(1, 1)))
    const executable = await backend.compile({
      name: 'large',
      outputs: { y: reduceSum(mul(table, feed('x', 'f32', []))) },
    })
    expect(executable.byteLength).toBe(4 * size)
    uploads = 0
    for (let run = 0; run < 2; run++) await executable.run({ feeds: { x: hostTensor('f32', [], [2]) } })
    expect(uploads).toBe(2) // the feeds
    await backend.close()
  })

  it('between two steps of a program are gone after their last use', async () => {
    const backend = tfjs({ tf })
    const x = feed('x', 'f32', [4])
    let y: Tensor = x
    for (let i = 0; i < 50; i++) y = mul(add(y, x), 0.5)
    const executable = await backend.compile({ name: 'chain', outputs: { y } })
    const { kernels } = await tf.profile(async () => {
      await executable.run({ feeds: { x: hostTensor('f32', [4], [1, 2, 3, 4]) } })
      return tf.scalar(0)
    })
    const held = kernels.map(({ totalTensorsSnapshot }) => totalTensorsSnapshot)
    expect(held.length).toBeGreaterThanOrEqual(100)
    expect(Math.max(...held) - Math.min(...held)).toBeLessThan(5)
    await backend.close()
  })

  it('of dropout masks are gone between the forward pass and the backward', async () => {
    const backend = tfjs({ tf })
    const [LAYERS, COUNT] = [20, 1000]
    const x = feed('x', 'f32', [COUNT])
    let y: Tensor = x
    for (let i = 0; i < LAYERS; i++) y = dropout(y, feed('seed', 'u32', []), 0.1, `layer ${i}`)
    const [gradient] = gradients(reduceSum(y), [x]) as [Tensor]
    const executable = await backend.compile({ name: 'dropout', outputs: { y: reduceSum(y), gradient } })
    const { numBytes } = held()
    const run = { feeds: { x: hostTensor('f32', [COUNT]), seed: hostTensor('u32', [], [1]) } }
    const { peakBytes } = await tf.profile(async () => {
      await executable.run(run)
      return tf.scalar(0)
    })
    expect(peakBytes - numBytes).toBeLessThan(6 * 4 * COUNT)
    expect(backend.memory?.peakOf(executable.program)).toBeLessThan(6 * 4 * COUNT)
    await backend.close()
  })

  it('of constant parts are made once, whatever the number of runs', async () => {
    const backend = tfjs({ tf })
    const table = hostTensor('f32', [3], [1, 2, 3])
    const x = feed('x', 'f32', [3])
    const executable = await backend.compile({
      name: 'constant',
      outputs: { y: add(x, reduceSum(mul(constantTensor(table), 2))) },
    })
    const created = await tf.profile(async () => {
      const { y } = await executable.run({ feeds: { x: table } })
      expect(Array.from(y?.data ?? [])).toEqual([13, 14, 15])
      return tf.scalar(0)
    })
    expect(created.kernelNames).toEqual(['Add'])
    await backend.close()
  })

  it('of programs go with the weights that they were compiled with', async () => {
    const before = held()
    const backend = tfjs({ tf })
    const { weights, set, executable } = await prepareStep(backend)
    set.release()
    weights.release()
    await new Promise((resolve) => setTimeout(resolve))
    expect(held()).toEqual(before)
    executable.release()
    await backend.close()
    expect(held()).toEqual(before)
  })

  it('are read once as they are loaded, so that tfjs takes weights into its own memory one by one', async () => {
    const backend = tfjs({ tf })
    const weight = (shape: readonly number[]): WeightRequest => {
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
      return { source: memorySource(hostTensor('f32', shape, values)), dtype: 'f32' }
    }
    const sources = new Map([[3, 4], [5], []].map((shape, i) => [`w${i}`, weight(shape)]))
    const { kernelNames } = await tf.profile(async () => {
      await backend.loadWeights(sources)
      return tf.scalar(0)
    })
    expect(kernelNames).toEqual(['Slice'])
    await backend.close()
  })
})
