import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel, PeftModel } from './peft-model.js'
import { getLayerStatus, getModelStatus } from './status.js'

const loadBase = async () => AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })

describe('a model with adapters', () => {
  it('tells its status in PEFT’s words', async () => {
    await using base = await loadBase()
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj', 'down_proj'] }))
    model.addAdapter('b', lora({ r: 2, targetModules: ['q_proj'] }))
    const layers = getLayerStatus(model)
    expect(layers).toHaveLength(4)
    expect(layers.find(({ name }) => name === 'model.model.layers.1.self_attn.q_proj')).toEqual({
      name: 'model.model.layers.1.self_attn.q_proj',
      moduleType: 'lora.Linear',
      enabled: true,
      activeAdapters: ['default'],
      mergedAdapters: [],
      requiresGrad: { default: true, b: false },
      availableAdapters: ['default', 'b'],
      devices: { default: ['reference'], b: ['reference'] },
    })
    expect(getModelStatus(model)).toMatchObject({
      baseModelType: 'LlamaForCausalLM',
      adapterModelType: 'LoraModel',
      peftTypes: { default: 'LORA', b: 'LORA' },
      numAdapterLayers: 4,
      trainableParams: model.adapted.parameterCounts().trainable,
    })
    expect(model.printTrainableParameters()).toMatch(
      /^trainable params: \d+ \|\| all params: [\d,]+ \|\| trainable%: \d+\.\d{4}$/,
    )
  })

  it('counts as trainable what PEFT counts, in its status too', async () => {
    await using base = await loadBase()
    const made = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
    const files = await made.toFiles()
    const agreed = (model: PeftModel) => {
      const { trainableParams, requiresGrad } = getModelStatus(model)
      expect(model.adapted.parameterCounts().trainable).toBe(trainableParams)
      for (const layer of getLayerStatus(model)) expect(layer.requiresGrad).toEqual(requiresGrad)
      return [trainableParams, requiresGrad]
    }
    const [size] = agreed(made)
    expect(size).toBeGreaterThan(0)
    expect(await made.disableAdapter(() => agreed(made))).toEqual([0, { default: false }])
    await made.mergeAdapter()
    expect(agreed(made)).toEqual([size, { default: true }])

    const served = await PeftModel.fromPretrained(base, files)
    expect(agreed(served)).toEqual([0, { default: false }])
    await served.loadAdapter(files, { adapterName: 'b' })
    await served.loadAdapter(files, { adapterName: 'c', isTrainable: true })
    expect(agreed(served)).toEqual([size, { default: false, b: false, c: true }])
    served.setAdapter('b')
    expect(agreed(served)).toEqual([size, { default: false, b: true, c: false }])
    served.setAdapter('c', { inferenceMode: true })
    expect(agreed(served)).toEqual([0, { default: false, b: false, c: false }])
    served.deleteAdapter('c')
    expect(agreed(served)).toEqual([size, { default: false, b: true }])
    expect(agreed(await PeftModel.fromPretrained(base, files, { isTrainable: true }))).toEqual([
      size,
      { default: true },
    ])
    expect(agreed(getPeftModel(base, lora({ targetModules: ['q_proj'], inferenceMode: true })))).toEqual([
      0,
      { default: false },
    ])
  })
})
