import { describe, expect, it } from 'vitest'
import { AdaptedModel } from '../adapted/adapted-model.js'
import type { BaseModel } from '../adapted/base-model.js'
import { mergeAdapters } from '../adapted/merge.js'
import { distance, logitsOf, shift, stretch, tinyBase } from '../adapted/tiny-model.fake.js'
import { weightRequests } from '../adapted/weights.js'
import { reference } from '../backend/reference.js'
import { Embedding } from '../module/adaptable.js'
import { mapModules, moduleAt, printModule } from '../module/tree.js'
import { AdaptedLayer } from './adapted-layer.js'

const CLOSE = 1e-5 // float32: merged and adapted products round differently

async function mergedLogits(adapted: AdaptedModel) {
  const backend = reference()
  await mergeAdapters(adapted, backend, await backend.loadWeights(weightRequests(adapted.base.model)))
  return logitsOf(adapted)
}

/** The tiny model with an embedding that scales its rows. */
function scaledBase(): BaseModel {
  const base = tinyBase()
  const model = mapModules(base.model, (module) =>
    module instanceof Embedding ? new Embedding(module.weight, 3) : module,
  )
  return { ...base, model }
}

describe('AdaptedLayer', () => {
  it.each(['q_proj', 'c_proj', 'embed_tokens', 'lm_head'])(
    'gives the merged output from the definition alone: %s',
    async (name) => {
      const adapted = new AdaptedModel(tinyBase())
      adapted.addAdapter('a', shift({ start: 0.7, targetModules: [name] }))
      const active = await logitsOf(adapted)
      expect(distance(active, await logitsOf(adapted, adapted.base.model))).toBeGreaterThan(0.01)
      expect(distance(active, await mergedLogits(adapted))).toBeLessThan(CLOSE)
    },
  )

  it('scales the change of an embedding as the embedding scales its rows', async () => {
    const adapted = new AdaptedModel(scaledBase())
    adapted.addAdapter('a', shift({ start: 0.7, targetModules: ['embed_tokens'] }))
    const active = await logitsOf(adapted)
    expect(distance(active, await mergedLogits(adapted))).toBeLessThan(CLOSE)
  })

  it('lets each adapter see the layer below it', async () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('a', stretch({ factor: 2 }))
    adapted.addAdapter('b', stretch({ factor: 3 }))
    adapted.addAdapter('c', stretch({ factor: 6 }))
    adapted.setAdapter(['a', 'b'])
    const both = await logitsOf(adapted)
    adapted.setAdapter('c')
    expect(distance(both, await logitsOf(adapted))).toBeLessThan(CLOSE)
  })

  it('prints what an adapter has at a layer, and what of it trains', () => {
    const adapted = new AdaptedModel(tinyBase({ layers: 1 }))
    adapted.addAdapter('mine', shift({ modulesToSave: ['lm_head'] }))
    expect(printModule(adapted.model).split('\n').slice(4)).toEqual([
      '      (norm): RmsNorm { weight f32[4] }',
      '      (q_proj): AdaptedLayer',
      '        (base_layer): Linear { weight f32[4, 4] }',
      '        (parts.0): shift "mine" { shift_a f32[4, 1] trains, shift_b.weight f32[1, 4] trains }',
      '      (c_proj): Conv1D { weight f32[4, 4], bias f32[4] }',
      '  (lm_head): Linear { weight f32[6, 4] trains }',
    ])
    const stretched = new AdaptedModel(tinyBase())
    stretched.addAdapter('wide', stretch())
    expect(printModule(stretched.model)).toContain('stretch "wide" { #factor f32[] }')
  })

  it('is a module with PEFT’s name for the layer inside', () => {
    const adapted = new AdaptedModel(tinyBase())
    adapted.addAdapter('a', shift())
    const layer = moduleAt(adapted.model, 'model.layers.0.q_proj')
    expect(layer).toBeInstanceOf(AdaptedLayer)
    expect(moduleAt(adapted.model, 'model.layers.0.q_proj.base_layer')).toBe(
      moduleAt(adapted.base.model, 'model.layers.0.q_proj'),
    )
  })
})
