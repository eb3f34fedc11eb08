import { hostTensor, initialValues, namedModules, namedParameters, Random, type SourceLookup } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { albert } from './albert.js'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_ALBERT } from './fixtures/tiny-configs.js'
import { forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

const build = (config: object, task: 'SEQ_CLS' | 'TOKEN_CLS' | 'FEATURE_EXTRACTION' = 'SEQ_CLS') =>
  tinyModel(albert, { ...TINY_ALBERT, ...config }, task)

describe('albert', () => {
  it("gives transformers' logits of rows and of tokens for seeded weights", async () => {
    const rows = await forwardOf(build({}), encoderRows)
    expect(rounded(rows.y)).toEqual(near([-1.1772, -0.9172, -0.1445, -1.2535, -0.8951, -0.1365]))
    const tokens = await forwardOf(build({}, 'TOKEN_CLS'), encoderRows)
    expect(rounded(tokens.y).slice(0, 3)).toEqual(near([-0.5435, 0.3484, -0.7613]))
    expect(rounded(tokens.y).slice(-3)).toEqual(near([-1.5131, 0.203, -1.0139]))
  })

  it('hands out the states after every run of every inner layer, and the pooled first token', async () => {
    const got = await forwardOf(build({}, 'FEATURE_EXTRACTION'), encoderRows)
    expect(got['hidden_states.6']?.data).toEqual(got.y?.data)
    expect(got['hidden_states.7']).toBeUndefined()
    expect(got.pooler_output?.shape).toEqual([2, 8])
  })

  it('has one set of weights for all layers of a group', () => {
    const names = (config: object) => [...namedParameters(build(config)).keys()]
    expect(names({ num_hidden_layers: 12 })).toEqual(names({}))
    expect(namedModules(build({})).map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'albert.encoder.embedding_hidden_mapping_in',
        'albert.encoder.albert_layer_groups.1.albert_layers.1.attention.query',
        'albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output',
        'albert.pooler',
      ]),
    )
  })

  it('drops other activations each time that a layer runs', async () => {
    // Nothing but a bias of 1 at the end of attention, dropped with a half: were the masks of both runs the same, each token would hold
    // two values at most.
    const ones: SourceLookup = (path, shape, initial) => {
      const isOne = path.endsWith('attention.dense.bias') || path.endsWith('orm.weight')
      return initialValues(new Random(1))(path, shape, initial && { fill: isOne ? 1 : 0 })
    }
    const config = { num_hidden_groups: 1, inner_group_num: 1, num_hidden_layers: 2, hidden_dropout_prob: 0.5 }
    const model = tinyModel(albert, { ...TINY_ALBERT, ...config }, 'FEATURE_EXTRACTION', ones)
    const seeded = await forwardOf(model, { ...encoderRows, seed: hostTensor('u32', [], [1]) })
    const valuesOf = (index: number) => new Set(rounded(seeded.y).slice(8 * index, 8 * index + 8)).size
    expect(Math.max(...Array.from({ length: 12 }, (_, token) => valuesOf(token)))).toBeGreaterThan(2)
  })

  it('refuses more groups than layers, and relative positions', () => {
    expect(() => build({ num_hidden_groups: 4 })).toThrow(expect.objectContaining({ code: 'model.config' }))
    expect(() => build({ position_embedding_type: 'relative_key' })).toThrow(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })
})
