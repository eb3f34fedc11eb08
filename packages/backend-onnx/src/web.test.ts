/** onnxruntime-web, the WebAssembly form, passes the suite of backends in Node. */
import { add, feed, hostTensor } from '@espalier/core'
import { checkBackend } from '@espalier/testkit'
import { describe, expect, it, test } from 'vitest'
import { onnxWeb } from './web.js'

describe('onnxWeb', () => {
  checkBackend(() => onnxWeb({ threads: 1 }), { test, dtypes: ['f32', 'f16'] })

  it('runs on the module that it is given, and ends with backend.closed', async () => {
    const backend = onnxWeb({ ort: await import('onnxruntime-web') })
    const x = feed('x', 'f32', [2])
    const executable = await backend.compile({ name: 'double', outputs: { y: add(x, x) } })
    const { y } = await executable.run({ feeds: { x: hostTensor('f32', [2], [1, 2]) } })
    expect(y).toEqual(hostTensor('f32', [2], [2, 4]))
    await backend.close()
    await expect(executable.run({ feeds: { x: hostTensor('f32', [2]) } })).rejects.toMatchObject({
      code: 'backend.closed',
    })
  })
})
