import { describe, expect, it } from 'vitest'
import { reference } from '../backend/reference.js'
import { type HostTensor, hostTensor } from '../dtype.js'
import { add } from '../graph/ops/binary.js'
import type { Tensor } from '../graph/tensor.js'
import type { Parameter } from '../module/parameter.js'
import { mapParameters, namedParameters } from '../module/tree.js'
import { defineTuner } from '../tuner/define-tuner.js'
import type { BaseValues, TargetConfig } from '../tuner/families.js'
import { AdaptedModel } from './adapted-model.js'
import { tinyBase } from './tiny-model.fake.js'

const KEY = 'model.layers.0.c_proj.copy'

/** W' = W + copy - start, both of which are what `compute` makes of the weight. */
function copying(compute: (base: BaseValues) => HostTensor | Promise<HostTensor>) {
  return defineTuner<TargetConfig, { readonly copy: Tensor; readonly start: Tensor }, 'start'>({
    kind: 'copying',
    parse: (raw) => ({ targetModules: raw.targetModules as string[] }),
    fileKeys: { copy: 'copy' },
    create: ({ site }) => ({ copy: { shape: [site.outSize, site.inSize], from: compute } }),
    buffers: ({ site }) => ({ start: { shape: [site.outSize, site.inSize], from: compute } }),
    merge: ({ weight, state: { copy, start } }) => add(weight, add(copy, start)),
  })
}

function counting() {
  const reads: string[] = []
  const base = tinyBase()
  const model = mapParameters(base.model, (parameter) => {
    const { source, path } = parameter
    return parameter.withSource({
      ...source,
      read: async () => {
        reads.push(path)
        return source.read()
      },
    })
  })
  return { reads, adapted: new AdaptedModel({ ...base, model }) }
}

describe('values from base weights', () => {
  it('are computed once, from (out, in) whatever the file’s order, with one reading of each layer', async () => {
    const { reads, adapted } = counting()
    const seen: BaseValues[] = []
    const tuner = copying((base) => {
      seen.push(base)
      return base.weight
    })
    const adapter = adapted.addAdapter('a', tuner({ targetModules: ['c_proj'] }))
    expect(reads).toEqual([])
    expect(adapter.specs.get(KEY)).toEqual({ dtype: 'f32', shape: [4, 4] })
    const [values, again] = await Promise.all([adapter.values(), adapter.values()])
    expect(again.get(KEY)).toBe(values.get(KEY))
    expect(reads.filter((path) => path.endsWith('c_proj.weight'))).toHaveLength(2) // two layers
    expect(seen).toHaveLength(4) // and two tensors of each
    const stored = namedParameters(tinyBase().model).get('model.layers.0.c_proj.weight') as Parameter
    const raw = new Float32Array((await stored.source.read()).slice().buffer)
    const turned = Array.from({ length: 16 }, (_, i) => raw[(i % 4) * 4 + Math.floor(i / 4)])
    expect(Array.from(values.get(KEY)?.data ?? [])).toEqual(turned)
    expect(seen[0]?.bias?.shape).toEqual([4])
  })

  it('are not computed where values were set, buffers excepted', async () => {
    let computed = 0
    const { adapted } = counting()
    const tuner = copying((base) => {
      computed++
      return base.weight
    })
    const adapter = adapted.addAdapter('a', tuner({ targetModules: ['layers.0.c_proj'] }))
    const own = hostTensor('f32', [4, 4], new Float32Array(16).fill(7))
    adapter.setValues(new Map([[KEY, own]]))
    expect((await adapter.values()).get(KEY)).toEqual(own)
    expect(computed).toBe(1)
    expect([...adapter.buffers.keys()]).toEqual(['model.layers.0.c_proj.#start'])
  })

  it('come to a backend with the others; asking for buffers before is refused', async () => {
    const { adapted } = counting()
    const adapter = adapted.addAdapter('a', copying(({ weight }) => weight)({ targetModules: ['layers.0.c_proj'] }))
    expect(() => adapter.buffers).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(adapter.bufferSpecs.get('model.layers.0.c_proj.#start')?.shape).toEqual([4, 4])
    const set = await adapter.stateOn(reference())
    expect([...set.specs.keys()].sort()).toEqual(['model.layers.0.c_proj.#start', KEY])
    adapter.release()
  })

  it('may fail, and are computed at the next time', async () => {
    let attempts = 0
    const { adapted } = counting()
    const tuner = copying(({ weight }) => {
      if (attempts++ === 0) throw new Error('no memory')
      return weight
    })
    const adapter = adapted.addAdapter('a', tuner({ targetModules: ['layers.0.c_proj'] }))
    await expect(adapter.values()).rejects.toThrow('no memory')
    expect((await adapter.values()).size).toBe(1)
  })

  it('are refused in another shape than was announced', async () => {
    const { adapted } = counting()
    const tuner = copying(() => hostTensor('f32', [4]))
    const adapter = adapted.addAdapter('a', tuner({ targetModules: ['layers.0.c_proj'] }))
    await expect(adapter.values()).rejects.toMatchObject({ code: 'config.value', details: { announced: [4, 4] } })
  })
})
