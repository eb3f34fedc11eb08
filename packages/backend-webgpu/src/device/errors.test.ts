/** WebGPU throws almost nothing: whatever it reports, in whichever way, is an error here and never a result of zeros. */
import { add, feed, hostTensor, neg } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { webgpu, webgpuAdapter } from '../index.js'
import { FAKE_INFO, FakeDevice, fakeGpu } from './fake-gpu.js'

const x = feed('x', 'f32', [4])
const twice = { name: 'twice', outputs: { y: add(x, x) } }
const feeds = { x: hostTensor('f32', [4], [1, 2, 3, 4]) }

function opened() {
  const device = new FakeDevice()
  return { device, backend: webgpu({ gpu: fakeGpu(device) }) }
}

describe('a place without a GPU', () => {
  it('is said with what to install, by the adapter and by the first use', async () => {
    const gpu = { requestAdapter: async () => null }
    const missing = { code: 'backend.missing', fix: expect.stringMatching('driver') }
    await expect(webgpuAdapter({ gpu })).rejects.toMatchObject(missing)
    await expect(webgpu({ gpu }).compile(twice)).rejects.toMatchObject(missing)
  })

  it('is looked at again by the next use', async () => {
    const { requestAdapter } = fakeGpu(new FakeDevice())
    let asked = 0
    const backend = webgpu({ gpu: { requestAdapter: async () => (asked++ === 0 ? null : requestAdapter()) } })
    await expect(backend.compile(twice)).rejects.toMatchObject({ code: 'backend.missing' })
    await expect(backend.compile(twice)).resolves.toBeDefined()
    await backend.close()
  })

  it('is said when the adapter gives no device, with the adapter', async () => {
    const { limits, features } = new FakeDevice()
    const requestDevice = () => Promise.reject(new Error('too many devices'))
    const gpu = { requestAdapter: async () => ({ limits, features, info: FAKE_INFO, requestDevice }) }
    await expect(webgpu({ gpu }).compile(twice)).rejects.toMatchObject({
      code: 'backend.missing',
      details: { description: 'a fake', message: 'too many devices' },
    })
  })
})

describe('what a device reports', () => {
  it('of refused WGSL fails the compilation, with kernel, line and column, and is asked again', async () => {
    const { device, backend } = opened()
    device.refusal = 'unresolved value y'
    const refused = { code: 'backend.failed', details: { kernel: 'binary', message: '3:7 unresolved value y' } }
    await expect(backend.compile(twice)).rejects.toMatchObject(refused)
    await expect(backend.compile(twice)).rejects.toMatchObject(refused)
    device.refusal = undefined
    await expect(backend.compile(twice)).resolves.toBeDefined()
    await backend.close()
  })

  it('of WGSL by its scope alone fails the compilation too', async () => {
    const { device, backend } = opened()
    device.reportAt('createShaderModule', 'validation', 'invalid module')
    await expect(backend.compile(twice)).rejects.toMatchObject({
      code: 'backend.failed',
      details: { message: 'invalid module' },
    })
    await backend.close()
  })

  it('of a command fails the run that submitted it, and not the next', async () => {
    const { device, backend } = opened()
    const executable = await backend.compile(twice)
    device.reportAt('submit', 'validation', 'the bind group is invalid')
    await expect(executable.run({ feeds })).rejects.toMatchObject({
      code: 'backend.failed',
      details: { program: 'twice', message: 'the bind group is invalid' },
    })
    await expect(executable.run({ feeds })).resolves.toMatchObject({ y: { shape: [4] } })
    await backend.close()
  })

  it('without a scope around it fails everything after it', async () => {
    const { device, backend } = opened()
    const executable = await backend.compile(twice)
    device.reportNow('the driver is confused')
    const failed = { code: 'backend.failed', details: { message: 'the driver is confused' } }
    await expect(executable.run({ feeds })).rejects.toMatchObject(failed)
    await expect(backend.createState(new Map())).rejects.toMatchObject(failed)
    await backend.close()
  })

  it('of memory says what takes less', async () => {
    const { device, backend } = opened()
    device.reportAt('createBuffer', 'out-of-memory', 'no room')
    await expect(backend.createState(new Map([['s', feeds.x]]))).rejects.toMatchObject({
      code: 'backend.failed',
      details: { reason: 'out-of-memory' },
      fix: expect.stringMatching('smaller batches'),
    })
    await backend.close()
  })

  it('of its loss fails everything after it, and says to go on from the last checkpoint', async () => {
    const { device, backend } = opened()
    const executable = await backend.compile(twice)
    device.lose('unknown', 'the driver was restarted')
    const lost = {
      code: 'backend.failed',
      details: { reason: 'device-lost', message: 'the driver was restarted' },
      fix: expect.stringMatching('last checkpoint'),
    }
    await expect(executable.run({ feeds })).rejects.toMatchObject(lost)
    await expect(backend.compile({ name: 'nothing', outputs: { y: neg(x) } })).rejects.toMatchObject(lost)
    await expect(backend.createState(new Map([['s', feeds.x]]))).rejects.toMatchObject(lost)
    await backend.close()
  })
})

describe('a tensor larger than what the device binds', () => {
  it('is refused with both sizes: of a program before it runs, and of a weight', async () => {
    const { backend } = opened()
    const large = feed('large', 'f32', [1 << 15])
    const unsupported = { code: 'backend.unsupported', details: { bytes: 1 << 17, most: 1 << 16 } }
    await expect(backend.compile({ name: 'large', outputs: { y: add(large, large) } })).rejects.toMatchObject(
      unsupported,
    )
    const source = { dtype: 'f32', shape: [1 << 15], read: async () => new Uint8Array(1 << 17) } as const
    await expect(
      backend.loadWeights(new Map([['w', { dtype: 'f32', source: source as never }]])),
    ).rejects.toMatchObject(unsupported)
    await backend.close()
  })
})
