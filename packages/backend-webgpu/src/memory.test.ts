/** Buffers live until they are destroyed: what a run needs is there before it, and everything is given back. */

import { feedsOfStep, prepareStep } from '@espalier/testkit'
import { describe, expect, it } from 'vitest'
import { FakeDevice, fakeGpu } from './device/fake-gpu.js'
import { webgpu } from './index.js'

function opened() {
  const device = new FakeDevice()
  return { device, backend: webgpu({ gpu: fakeGpu(device) }) }
}

describe('buffers', () => {
  it('stay as many over 1,000 steps, each of which is one submission', async () => {
    const { device, backend } = opened()
    const { set, executable } = await prepareStep(backend)
    await executable.run({ feeds: feedsOfStep(0), state: [{ set }] })
    const { heldBytes, submits } = device
    for (let step = 1; step <= 1000; step++) await executable.run({ feeds: feedsOfStep(step), state: [{ set }] })
    expect(device.heldBytes).toBe(heldBytes)
    expect(device.submits - submits).toBe(1000)
    await backend.close()
  })

  it('are all gone after close, with the device', async () => {
    const { device, backend } = opened()
    const { set, executable } = await prepareStep(backend)
    await executable.run({ feeds: feedsOfStep(0), state: [{ set }] })
    expect(device.heldBytes).toBeGreaterThan(0)
    await backend.close()
    expect(device.heldBytes).toBe(0)
    expect(device.isDestroyed).toBe(true)
  })

  it('of weights, state and programs are gone with the release of each; what programs share stays', async () => {
    const { device, backend } = opened()
    const { weights, set, executable } = await prepareStep(backend)
    const own = weights.byteLength + set.byteLength + (executable.byteLength ?? 0)
    const before = device.heldBytes
    expect(before).toBeGreaterThanOrEqual(own)
    executable.release()
    set.release()
    weights.release()
    await backend.loadWeights(new Map()) // waits until they are gone
    expect(device.heldBytes).toBe(0)
    await backend.close()
  })

  it('are read from state in one piece, and the piece is gone afterwards', async () => {
    const { device, backend } = opened()
    const { set } = await prepareStep(backend)
    const before = device.heldBytes
    expect([...(await set.read()).keys()]).toEqual(['a', 'b'])
    expect(device.heldBytes).toBe(before)
    await backend.close()
  })
})
