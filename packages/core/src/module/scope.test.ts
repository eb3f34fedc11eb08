import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import { memorySource, ParameterScope } from './scope.js'
import { DenseWeight } from './weight.js'

describe('ParameterScope', () => {
  it('collects what is missing until it is checked', () => {
    const scope = new ParameterScope(() => undefined)
    scope.at('a').linear('b', 2, 3, { bias: true })
    expect(() => scope.check()).toThrow(
      expect.objectContaining({
        code: 'model.parameters',
        details: { faults: ['a.b.bias [3]: missing', 'a.b.weight [3, 2]: missing'] },
      }),
    )
  })

  it('knows what a file has, and does not miss what was only asked after', () => {
    const weight = memorySource(hostTensor('f32', [3]))
    const scope = new ParameterScope((path) => (path === 'a.b.weight' ? weight : undefined)).at('a')
    expect(scope.has('b.weight', [3])).toBe(true)
    expect(scope.has('b.bias', [3])).toBe(false)
    scope.check()
  })

  it('ends a building that asks for more than anyone has', () => {
    const scope = new ParameterScope(() => undefined)
    let asked = 0
    const build = () => {
      for (; asked < 1e9; asked++) scope.at(`layers.${asked}`).parameter('weight', [1])
    }
    expect(build).toThrow(expect.objectContaining({ code: 'model.parameters' }))
    expect(asked).toBeLessThan(2000)
  })

  it('gives factories the codes of a file in their own dtype, and takes none for floats', () => {
    const codes = memorySource(hostTensor('i8', [3, 2]))
    const packed = new ParameterScope(() => codes, {
      weightOf: ({ shape, stored }) => new DenseWeight(stored('weight', { dtype: 'i8', shape })),
    })
    const { weight } = packed.at('a').linear('b', 2, 3, { bias: false })
    expect(weight.parameters).toMatchObject([{ path: 'a.b.weight', dtype: 'i8', source: codes }])
    packed.check()
    const plain = new ParameterScope(() => codes)
    plain.linear('b', 2, 3, { bias: false })
    expect(() => plain.check()).toThrow(
      expect.objectContaining({ details: { faults: ['b.weight: i8 in the file, and f32 is asked for'] } }),
    )
  })
})
