import { type DType, Module, Parameter, type Tensor } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { wideningWarnings } from './preflight.js'

class Layer extends Module {
  readonly weight: Parameter

  constructor(stored: DType) {
    super()
    const shape = [1000, 1000]
    this.weight = new Parameter('weight', 'f32', shape, { dtype: stored, shape, read: async () => new Uint8Array(0) })
  }

  forward(x: Tensor): Tensor {
    return x
  }
}

describe('a preflight of 16-bit weights', () => {
  const tfjs = { name: 'tfjs', widening: 'tfjs has no 16-bit floats' }

  it('says what they take where a backend holds them widened, and why', () => {
    expect(wideningWarnings(new Layer('bf16'), tfjs)).toEqual([
      '2.0 MB of 16-bit weights take 4.0 MB on tfjs: tfjs has no 16-bit floats',
    ])
  })

  it('says nothing of 32-bit weights, nor where a backend does not widen in memory', () => {
    expect(wideningWarnings(new Layer('f32'), tfjs)).toEqual([])
    expect(wideningWarnings(new Layer('bf16'), { name: 'onnx' })).toEqual([])
  })
})
