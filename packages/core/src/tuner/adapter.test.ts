import { describe, expect, it } from 'vitest'
import { AdaptedModel } from '../adapted/adapted-model.js'
import { shift, stretch, tinyBase } from '../adapted/tiny-model.fake.js'
import { reference } from '../backend/reference.js'
import { hostTensor } from '../dtype.js'

const key = 'model.layers.0.q_proj.shift_a'

function adapter(config = {}) {
  return new AdaptedModel(tinyBase()).addAdapter('default', shift(config))
}

describe('Adapter', () => {
  it('keys values as files do', async () => {
    expect([...(await adapter().values()).keys()]).toEqual([
      'model.layers.0.q_proj.shift_a',
      'model.layers.0.q_proj.shift_b.weight',
      'model.layers.1.q_proj.shift_a',
      'model.layers.1.q_proj.shift_b.weight',
    ])
  })

  it('draws the same initial values for a seed, whatever else is adapted', async () => {
    const other = new AdaptedModel(tinyBase()).addAdapter('x', shift({ targetModules: ['q_proj', 'c_proj'] }))
    const name = 'model.layers.1.q_proj.shift_b.weight'
    expect((await other.values()).get(name)).toEqual((await adapter().values()).get(name))
    const seeded = new AdaptedModel(tinyBase()).addAdapter('x', shift(), { seed: 1 })
    expect((await seeded.values()).get(name)).not.toEqual((await adapter().values()).get(name))
  })

  it('takes values over, converting dtypes, and counts revisions', async () => {
    const one = adapter()
    one.setValues(new Map([[key, hostTensor('f64', [4, 1], [1, 2, 3, 4])]]), { partial: true })
    expect((await one.values()).get(key)).toEqual(hostTensor('f32', [4, 1], [1, 2, 3, 4]))
    expect(one.revision).toBe(1)
  })

  it('lists every tensor that does not fit, and changes nothing then', async () => {
    const one = adapter()
    const before = await one.values()
    const set = () =>
      one.setValues(
        new Map([
          ['x', hostTensor('f32', [1])],
          [key, hostTensor('f32', [5, 1])],
        ]),
      )
    expect(set).toThrow(
      expect.objectContaining({
        code: 'adapter.tensors',
        details: {
          adapter: 'default',
          faults: [
            'x: not part of the adapter',
            `${key}: [5, 1], the model needs [4, 1]`,
            'model.layers.0.q_proj.shift_b.weight: missing',
            'model.layers.1.q_proj.shift_a: missing',
            'model.layers.1.q_proj.shift_b.weight: missing',
          ],
        },
      }),
    )
    expect(await one.values()).toBe(before)
    expect(one.revision).toBe(0)
  })

  it('reads copies of base parameters on first use, and not those that were set before', async () => {
    const one = adapter({ modulesToSave: ['lm_head', 'embed_tokens'] })
    expect(one.specs.get('lm_head.weight')).toEqual({ dtype: 'f32', shape: [6, 4] })
    one.setValues(new Map([['lm_head.weight', hostTensor('f32', [6, 4])]]), { partial: true })
    const values = await one.values()
    expect(Math.max(...(values.get('lm_head.weight')?.data ?? [1]))).toBe(0)
    expect(Math.max(...(values.get('model.embed_tokens.weight')?.data ?? [0]))).toBeGreaterThan(0)
  })

  it('binds its state to a backend once until values change, and tries again after a failure', async () => {
    const one = adapter()
    const backend = reference()
    const first = await one.stateOn(backend)
    expect(await one.stateOn(backend)).toBe(first)
    one.setValues(await one.values())
    expect(await one.stateOn(backend)).not.toBe(first)
    one.release()
    let attempts = 0
    const failing = {
      ...backend,
      createState: async (...all: Parameters<typeof backend.createState>) => {
        if (attempts++ === 0) throw new Error('out of memory')
        return backend.createState(...all)
      },
    }
    await expect(one.stateOn(failing)).rejects.toThrow('out of memory')
    expect((await one.stateOn(failing)).specs.has(key)).toBe(true)
  })

  it('keeps a state that is held while values change, and gives it back with its last user', async () => {
    const one = adapter()
    const backend = reference()
    const [early, late] = [one.holdOn(backend), one.holdOn(backend)]
    const before = (await one.values()).get(key)
    one.setValues(new Map([[key, hostTensor('f32', [4, 1], [1, 2, 3, 4])]]), { partial: true })
    const set = await early.value
    expect((await set.read([key])).get(key)).toEqual(before)
    early.release()
    expect((await (await late.value).read([key])).get(key)).toEqual(before)
    late.release()
    await expect(set.read([key])).rejects.toMatchObject({ code: 'backend.closed' })
    const fresh = await one.stateOn(backend)
    expect((await fresh.read([key])).get(key)?.data).toEqual(Float32Array.of(1, 2, 3, 4))
    one.release()
    await expect(fresh.read([key])).rejects.toMatchObject({ code: 'backend.closed' })
  })

  it('gives values as they were when asked, also while copies of the base are being read', async () => {
    const one = adapter({ modulesToSave: ['lm_head'] })
    const zeros = new Map([['lm_head.weight', hostTensor('f32', [6, 4])]])
    const asked = one.values()
    one.setValues(zeros, { partial: true })
    expect(Math.max(...((await asked).get('lm_head.weight')?.data ?? [0]))).toBeGreaterThan(0)
    expect(Math.max(...((await one.values()).get('lm_head.weight')?.data ?? [1]))).toBe(0)
  })

  it('has buffers beside what is saved', async () => {
    const one = new AdaptedModel(tinyBase()).addAdapter('default', stretch({ factor: 3 }))
    expect([...one.buffers]).toEqual([
      ['model.layers.0.q_proj.#factor', hostTensor('f32', [], [3])],
      ['model.layers.1.q_proj.#factor', hostTensor('f32', [], [3])],
    ])
    expect((await one.values()).size).toBe(0)
  })
})
