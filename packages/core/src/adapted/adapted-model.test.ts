import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import { printModule } from '../module/tree.js'
import { configureFromFile } from '../tuner/define-tuner.js'
import { AdaptedModel } from './adapted-model.js'
import { distance, logitsOf, shift, stretch, tinyBase } from './tiny-model.fake.js'

const EXACT = 1e-6 // float32, sums of a few terms

function adaptedTwice() {
  const adapted = new AdaptedModel(tinyBase())
  adapted.addAdapter('a', shift({ start: 0.5, targetModules: ['q_proj'] }), { seed: 1 })
  adapted.addAdapter('b', shift({ start: -0.3, targetModules: ['q_proj', 'c_proj'] }), { seed: 2 })
  return adapted
}

describe('AdaptedModel', () => {
  it('changes nothing when a new adapter starts as identity, and leaves the base tree alone', async () => {
    const base = tinyBase()
    const before = printModule(base.model)
    const adapted = new AdaptedModel(base)
    const plain = await logitsOf(adapted)
    adapted.addAdapter('default', shift({ targetModules: ['q_proj', 'c_proj', 'embed_tokens', 'lm_head'] }))
    expect(distance(await logitsOf(adapted), plain)).toBeLessThan(EXACT)
    expect(printModule(base.model)).toBe(before)
    expect(printModule(adapted.model)).toContain('base_layer')
  })

  it('activates the first adapter only, switches, and composes several', async () => {
    const adapted = adaptedTwice()
    expect(adapted.activeAdapters).toEqual(['a'])
    const a = await logitsOf(adapted)
    adapted.setAdapter('b')
    const b = await logitsOf(adapted)
    adapted.setAdapter(['a', 'b'])
    const both = await logitsOf(adapted)
    expect(distance(a, b)).toBeGreaterThan(0.01)
    expect(distance(both, b)).toBeGreaterThan(0.01)
    adapted.setAdapter('a')
    expect(distance(await logitsOf(adapted), a)).toBe(0)
    expect(() => adapted.setAdapter('c')).toThrow(expect.objectContaining({ code: 'adapter.name' }))
  })

  it('gives the base output while disabled, and the adapter back after it', async () => {
    const adapted = adaptedTwice()
    const active = await logitsOf(adapted)
    adapted.setEnabled(false)
    expect(distance(await logitsOf(adapted), await logitsOf(adapted, adapted.base.model))).toBe(0)
    adapted.setEnabled(true)
    expect(distance(await logitsOf(adapted), active)).toBe(0)
  })

  it('does not take adapters named "base" and "merged" for states of the model', async () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('base', shift({ start: 1 }))
    adapted.setEnabled(false)
    const plain = await logitsOf(adapted)
    adapted.setEnabled(true)
    expect(distance(await logitsOf(adapted), plain)).toBeGreaterThan(0.01)
  })

  it('deletes adapters, the first remaining one taking over', () => {
    const adapted = adaptedTwice()
    adapted.deleteAdapter('a')
    expect([adapted.adapterNames, adapted.activeAdapters]).toEqual([['b'], ['b']])
    adapted.deleteAdapter('b')
    expect([adapted.adapterNames, adapted.activeAdapters]).toEqual([[], []])
    expect(() => adapted.deleteAdapter('b')).toThrow(expect.objectContaining({ code: 'adapter.name' }))
    expect(() => adapted.trainable()).toThrow(expect.objectContaining({ code: 'adapter.state' }))
  })

  it('refuses bad names, other methods and sharing a saved module, and changes nothing then', () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('a', shift({ modulesToSave: ['lm_head'] }))
    for (const name of ['a', '', 'x/y', '..'])
      expect(() => adapted.addAdapter(name, shift())).toThrow(expect.objectContaining({ code: 'adapter.name' }))
    expect(() => adapted.addAdapter('b', stretch())).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(() => adapted.addAdapter('b', shift({ targetModules: ['nothing'] }))).toThrow(
      expect.objectContaining({ code: 'target.none' }),
    )
    expect(adapted.adapterNames).toEqual(['a'])
    adapted.addAdapter('b', shift({ modulesToSave: ['lm_head'] }))
    expect(() => adapted.setAdapter(['a', 'b'])).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(adapted.activeAdapters).toEqual(['a'])
  })

  it('refuses an adapter together with one that trains a module around its layers in full, also in merging', async () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('a', shift({ targetModules: ['lm_head'], modulesToSave: ['layers.0'] }))
    adapted.addAdapter('b', shift({ targetModules: ['c_proj'] }))
    adapted.addAdapter('c', shift({ targetModules: ['q_proj'], modulesToSave: ['layers.0.norm'] }))
    const refused = {
      code: 'adapter.state',
      details: { module: 'model.layers.0', trainedBy: 'a', changed: 'model.layers.0.c_proj', by: 'b' },
    }
    expect(() => adapted.setAdapter(['a', 'b'])).toThrow(expect.objectContaining(refused))
    expect(() => adapted.setAdapter(['b', 'a'])).toThrow(expect.objectContaining(refused))
    expect(() => adapted.setAdapter(['c', 'a'])).toThrow(expect.objectContaining({ code: 'adapter.state' }))
    expect(adapted.activeAdapters).toEqual(['a'])
    expect(() => adapted.mergeSites(['a', 'b'])).toThrow(expect.objectContaining(refused))
    adapted.setAdapter(['b', 'c'])
    expect((await logitsOf(adapted)).shape).toEqual([2, 3, 6])
  })

  it('saves a module in full: its parameters are copies that train, and are not targets', async () => {
    const adapted = new AdaptedModel(tinyBase())
    const adapter = adapted.addAdapter('a', shift({ targetModules: 'all-linear', modulesToSave: ['lm_head', 'norm'] }))
    expect(adapter.saved.map(({ path }) => path)).toEqual(['model.layers.0.norm', 'model.layers.1.norm', 'lm_head'])
    expect([...adapter.specs.keys()]).toContain('lm_head.weight')
    const plain = await logitsOf(adapted)
    const zeros = new Map([['lm_head.weight', hostTensor('f32', [6, 4])]])
    adapter.setValues(zeros, { partial: true })
    const logits = await logitsOf(adapted)
    expect(Math.max(...logits.data.map(Math.abs))).toBe(0)
    expect(distance(plain, logits)).toBeGreaterThan(0.1)
  })

  it('trains heads in full by the task, without being asked', () => {
    const adapted = new AdaptedModel(tinyBase())
    const { config } = adapted.addAdapter('a', shift({ taskType: 'SEQ_CLS', modulesToSave: ['classifier'] }))
    expect(config).toMatchObject({ modulesToSave: ['classifier', 'score'] })
  })

  it('commits trained values by slot', async () => {
    const adapted = adaptedTwice()
    adapted.setAdapter(['a', 'b'])
    const trainable = adapted.trainable()
    const slots = await trainable.trainable()
    const slot = 'adapter1:model.layers.0.c_proj.shift_a'
    expect(slots.has(slot)).toBe(true)
    trainable.commit(new Map([[slot, hostTensor('f32', [4, 1], [1, 2, 3, 4])]]))
    expect((await adapted.adapter('b').values()).get('model.layers.0.c_proj.shift_a')?.data).toEqual(
      Float32Array.of(1, 2, 3, 4),
    )
    expect(adapted.adapter('b').revision).toBe(1)
  })

  it('counts parameters in PEFT’s words', () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('a', shift())
    const { trainable, all } = adapted.parameterCounts()
    expect(trainable).toBe(2 * 8)
    expect(adapted.printTrainableParameters()).toBe(
      `trainable params: 16 || all params: ${all} || trainable%: ${((100 * 16) / all).toFixed(4)}`,
    )
  })

  it('completes the file’s common fields from the base model', () => {
    const adapted = new AdaptedModel(tinyBase())
    const { metadata } = adapted.addAdapter('a', shift())
    expect(metadata).toMatchObject({ baseModelNameOrPath: 'me/tiny', taskType: null, revision: null })
    expect(metadata.autoMapping).toEqual({
      base_model_class: 'TinyForCausalLM',
      parent_library: 'transformers.models.tiny.modeling_tiny',
    })
    expect(adapted.addAdapter('b', shift({ taskType: 'CAUSAL_LM' })).metadata.autoMapping).toBe(null)
  })

  it('says which keys of a file it does not know', () => {
    const adapted = new AdaptedModel(tinyBase())
    const configured = configureFromFile(shift, { new_thing: 1 })
    expect(adapted.addAdapter('a', configured).warnings).toEqual(['unknown key in the configuration: newThing'])
  })
})
