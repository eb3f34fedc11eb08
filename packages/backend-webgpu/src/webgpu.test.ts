/** The suite of backends on the device that is here, and what a device does that a fake one cannot show. `npm run check:webgpu` runs it. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { add, feed, hostTensor, matmul, reference, type Tensor } from '@espalier/core'
import { checkBackend, feedsOfStep, prepareStep } from '@espalier/testkit'
import { describe, expect, it, test } from 'vitest'
import type { GpuAdapter, GpuDevice } from './device/gpu.js'
import { findAdapter, openDevice } from './device/open-device.js'
import { Runtime } from './device/runtime.js'
import { type Gpu, planProgram, webgpu, webgpuAdapter } from './index.js'
import type { WebgpuBackend } from './webgpu-backend.js'

const PREFERENCE = 'high-performance'
const MOST_SHADERS = 650 // the suite has 599 of them; each takes a driver in software up to a second, the first time

/** The platform's WebGPU, with its devices at hand. */
function watched(): { readonly gpu: Gpu; readonly devices: GpuDevice[] } {
  const devices: GpuDevice[] = []
  const gpu: Gpu = {
    async requestAdapter() {
      const adapter: GpuAdapter = await findAdapter(PREFERENCE)
      const { features, limits, info } = adapter
      const requestDevice: GpuAdapter['requestDevice'] = async (descriptor) => {
        const device = await adapter.requestDevice(descriptor)
        devices.push(device)
        return device
      }
      return { features, limits, info, requestDevice }
    },
  }
  return { gpu, devices }
}

if (process.env.ESPALIER_WEBGPU === undefined) {
  test('a device is needed', () => {
    console.log('not run: the suite of backends on WebGPU (npm run check:webgpu)')
  })
} else {
  test('there is an adapter, which is named', async () => {
    const { description, vendor, architecture } = await webgpuAdapter()
    console.log(`WebGPU on ${[vendor, architecture, description].join(' ')}`)
  })

  describe('webgpu', { timeout: 240_000 }, () => {
    const opened: WebgpuBackend[] = []
    let shaders = 0
    checkBackend(
      () => {
        opened.push(webgpu() as WebgpuBackend)
        return opened.at(-1) as WebgpuBackend
      },
      {
        test(name, run) {
          test(name, async () => {
            await run()
            shaders = Math.max(shaders, await (opened[0] as WebgpuBackend).shaders().catch(() => 0))
          })
        },
        dtypes: ['f32', 'f16'],
        peakBytes: ({ program }) => planProgram(program).slots.reduce((sum, bytes) => sum + bytes, 0),
      },
    )

    test('has few shaders', () => {
      console.log(`${shaders} shaders`)
      expect(shaders).toBeGreaterThan(100)
      expect(shaders).toBeLessThanOrEqual(MOST_SHADERS)
    })
  })

  describe('a device', { timeout: 120_000 }, () => {
    it('refuses WGSL that is wrong, with line and column, instead of computing zeros', async () => {
      const { device } = await openDevice(PREFERENCE)
      const runtime = new Runtime(device)
      const source = '@compute @workgroup_size(1) fn main() {\n  let x = nowhere;\n}'
      await expect(runtime.pipeline({ name: 'wrong', source })).rejects.toMatchObject({
        code: 'backend.failed',
        details: { kernel: 'wrong', message: expect.stringMatching(/^2:11 .*nowhere/) },
      })
      runtime.check() // nobody else is told
      runtime.close()
    })

    it('that is destroyed during a run fails it and everything after it', async () => {
      const { gpu, devices } = watched()
      const backend = webgpu({ gpu })
      const x = feed('x', 'f32', [512, 512])
      let y: Tensor = x
      for (let i = 0; i < 8; i++) y = matmul(y, x)
      const executable = await backend.compile({ name: 'products', outputs: { y } })
      const run = executable.run({ feeds: { x: hostTensor('f32', [512, 512]) } })
      setTimeout(() => devices[0]?.destroy(), 20)
      const lost = { code: 'backend.failed', details: { reason: 'device-lost', lost: 'destroyed' } }
      await expect(run).rejects.toMatchObject(lost)
      await expect(backend.compile({ name: 'sum', outputs: { y: add(x, x) } })).rejects.toMatchObject(lost)
      await expect(backend.createState(new Map())).rejects.toMatchObject(lost)
      await backend.close()
    })

    it('that is lost is followed by a new one, on which a training goes on as if nothing had been', async () => {
      const judge = await prepareStep(reference())
      const expected: number[] = []
      const { gpu, devices } = watched()
      const first = webgpu({ gpu })
      const before = await prepareStep(first)
      const losses: number[] = []
      const step = async ({ executable, set }: typeof before, n: number, into: number[]) => {
        const { loss } = await executable.run({ feeds: feedsOfStep(n), state: [{ set }] })
        into.push(loss?.data[0] as number)
      }
      for (let n = 0; n < 10; n++) await step(judge, n, expected)
      for (let n = 0; n < 5; n++) await step(before, n, losses)
      const saved = await before.set.read()
      devices[0]?.destroy()
      await expect(step(before, 5, losses)).rejects.toMatchObject({ details: { reason: 'device-lost' } })
      await first.close()
      const second = webgpu({ gpu })
      const after = await prepareStep(second, saved)
      for (let n = 5; n < 10; n++) await step(after, n, losses)
      expect(devices).toHaveLength(2)
      expect(losses).toHaveLength(10)
      for (const [n, loss] of losses.entries()) expect(Math.abs(loss / (expected[n] as number) - 1)).toBeLessThan(1e-5)
      await second.close()
    })

    it('holds as much after 1,000 steps as after one, and learns', async () => {
      const { gpu, devices } = watched()
      const backend = webgpu({ gpu })
      const { executable, set } = await prepareStep(backend)
      const losses: number[] = []
      const step = async (n: number) => {
        const { loss } = await executable.run({ feeds: feedsOfStep(n), state: [{ set }] })
        losses.push(loss?.data[0] as number)
      }
      await step(0)
      const device = devices[0] as GpuDevice
      let made = 0
      const createBuffer = device.createBuffer.bind(device)
      Object.defineProperty(device, 'createBuffer', {
        value: (descriptor: Parameters<typeof createBuffer>[0]) => {
          made++
          return createBuffer(descriptor)
        },
      })
      for (let n = 1; n <= 1000; n++) await step(n)
      expect(made).toBe(0)
      await set.read()
      expect(made).toBe(1) // the count counts
      expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] as number))
      await backend.close()
    })

    it('does not keep a process from ending, nor from failing', () => {
      const source = fileURLToPath(new URL('index.ts', import.meta.url))
      const program = (end: string) => `
        const { webgpu } = await import(${JSON.stringify(source)})
        const { add, feed, hostTensor } = await import('@espalier/core')
        const backend = webgpu()
        const x = feed('x', 'f32', [2])
        const executable = await backend.compile({ name: 'twice', outputs: { y: add(x, x) } })
        const { y } = await executable.run({ feeds: { x: hostTensor('f32', [2], [1, 2]) } })
        console.log(y.data.join())
        ${end}`
      const root = fileURLToPath(new URL('../../..', import.meta.url))
      const tsx = fileURLToPath(new URL('../../../node_modules/tsx/dist/cli.mjs', import.meta.url))
      const run = (end: string) =>
        execFileSync(process.execPath, [tsx, '--input-type=module', '-e', program(end)], {
          cwd: root,
          encoding: 'utf8',
          timeout: 60_000,
          stdio: ['ignore', 'pipe', 'pipe'],
        })
      expect(run('')).toBe('2,4\n') // open at the end
      expect(run('await backend.close()')).toBe('2,4\n')
      expect(() => run('process.exit(3)')).toThrow(expect.objectContaining({ status: 3 }))
    })
  })
}
