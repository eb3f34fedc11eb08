import { describe, expect, it } from 'vitest'
import type { OutputToOpen } from '../training/run-output.js'
import { platform } from './browser.js'

describe('the platform of a browser', () => {
  it('refuses run folders by path, and says how to save', async () => {
    const fix = expect.stringContaining('toFiles')
    const request = { outputDir: 'out', resume: false } as OutputToOpen
    const details = { outputDir: 'out' }
    await expect(platform.openRun(request)).rejects.toMatchObject({ code: 'config.unsupported', details, fix })
    const resuming = { outputDir: undefined, resume: true } as OutputToOpen
    await expect(platform.openRun(resuming)).rejects.toMatchObject({ code: 'config.unsupported', fix })
    await expect(platform.openRun({ ...resuming, resume: false })).resolves.toBeUndefined()
  })

  it('computes on WebAssembly, which stands in for nothing there', async () => {
    const backend = await platform.onnx({ threads: 1 })
    expect(backend.name).toBe('onnx-web')
    expect(platform.slownessOf(backend)).toBeUndefined()
    await backend.close()
  })
})
