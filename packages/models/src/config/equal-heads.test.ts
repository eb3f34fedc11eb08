import { expect, it } from 'vitest'
import { ConfigKeys } from './config-keys.js'
import { equalHeads } from './equal-heads.js'

const read = (values: Record<string, unknown>) =>
  equalHeads(new ConfigKeys({ vocab_size: 7, ...values }), {
    hidden: ['n_embd', 8],
    heads: ['n_head'],
    layers: ['n_layer', 3],
  })

it('reads the sizes by the names of a family, with its fallbacks', () => {
  const sizes = { vocabularySize: 7, hiddenSize: 8, layerCount: 3, headCount: 2, groupCount: 2, headSize: 4 }
  expect(read({ n_head: 2 })).toEqual(sizes)
  expect(read({ n_head: 3, n_embd: 9, n_layer: 1 })).toMatchObject({ headSize: 3, layerCount: 1 })
})

it('names both keys where heads are left over, and a key that must be there', () => {
  const conflict = { code: 'model.config', details: { n_embd: 8, n_head: 3 } }
  expect(() => read({ n_head: 3 })).toThrow(expect.objectContaining(conflict))
  expect(() => read({})).toThrow('n_head')
})
