import { describe, expect, it } from 'vitest'
import { type HostTensor, hostTensor } from '../dtype.js'
import type { EspalierError } from '../errors.js'
import { sizeOf } from '../shape.js'
import { readSource } from '../tuner/adapter.js'
import { memorySource, ParameterScope, type SourceLookup } from './scope.js'
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

  const fileOf =
    (tensors: Readonly<Record<string, HostTensor>>): SourceLookup =>
    (path) =>
      Object.hasOwn(tensors, path) ? memorySource(tensors[path] as HostTensor) : undefined
  const parts = [0, 1, 2].map((i) => ({ name: `old.${i}.w`, shape: [1, 2] }))
  const stored = (i: number, dtype: 'f32' | 'f16' = 'f32', shape = [1, 2]) =>
    hostTensor(
      dtype,
      shape,
      Array.from({ length: sizeOf(shape) }, (_, j) => 10 * i + j),
    )

  it('joins what files have in the place of a parameter, in order', async () => {
    const lookup = fileOf({ 'old.2.w': stored(2), 'old.0.w': stored(0), 'old.1.w': stored(1) })
    const scope = new ParameterScope(lookup)
    const joined = scope.at('new').parameter('w', [3, 2], undefined, parts)
    scope.check()
    expect(joined).toMatchObject({ path: 'new.w', shape: [3, 2], stored: parts })
    expect([...(await readSource(joined.source)).data]).toEqual([0, 1, 10, 11, 20, 21])
    expect(joined.asState().stored).toEqual(parts)
  })

  it('takes a parameter by its own name first, and names the parts that are wrong', async () => {
    const own = new ParameterScope(fileOf({ 'new.w': stored(7, 'f32', [3, 2]), 'old.0.w': stored(0) }))
    expect([...(await readSource(own.at('new').parameter('w', [3, 2], undefined, parts).source)).data][0]).toBe(70)
    const faultsOf = (tensors: Readonly<Record<string, HostTensor>>) => {
      const scope = new ParameterScope(fileOf(tensors))
      scope.at('new').parameter('w', [3, 2], undefined, parts)
      try {
        scope.check()
      } catch (error) {
        return (error as EspalierError).details.faults
      }
      return []
    }
    expect(faultsOf({})).toEqual(['new.w [3, 2]: missing'])
    expect(faultsOf({ 'old.0.w': stored(0), 'old.1.w': stored(1, 'f32', [2, 2]) })).toEqual([
      'old.1.w: [2, 2] in the file, [1, 2] by the config',
      'old.2.w [1, 2]: missing',
    ])
    expect(faultsOf({ 'old.0.w': stored(0), 'old.1.w': stored(1, 'f16'), 'old.2.w': stored(2) })).toEqual([
      'new.w: its parts are f32 and f16 in the file',
    ])
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
