import { describe, expect, it } from 'vitest'
import { ParameterScope } from './scope.js'

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

  it('ends a building that asks for more than anyone has', () => {
    const scope = new ParameterScope(() => undefined)
    let asked = 0
    const build = () => {
      for (; asked < 1e9; asked++) scope.at(`layers.${asked}`).parameter('weight', [1])
    }
    expect(build).toThrow(expect.objectContaining({ code: 'model.parameters' }))
    expect(asked).toBeLessThan(2000)
  })
})
