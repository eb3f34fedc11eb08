/** onnxruntime-node passes the suite of backends. */
import { checkBackend } from '@espalier/testkit'
import { describe, expect, it, test } from 'vitest'
import { onnx } from './index.js'

describe('onnx', () => {
  checkBackend(() => onnx({ threads: 2 }), { test, dtypes: ['f32', 'f16'] })

  it('refuses a number of threads that is not a whole number above 0', () => {
    expect(() => onnx({ threads: 0 })).toThrow(expect.objectContaining({ code: 'config.value' }))
  })
})
