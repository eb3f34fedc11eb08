import { describe, expect, it } from 'vitest'
import { TINY_LLAMA } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { llama } from './llama.js'
import {
  architectureOf,
  bareModel,
  type ConfigKeys,
  causalLM,
  DecoderModel,
  llamaLike,
  llamaSettings,
} from './parts.js'

const seedOss = llamaLike({
  modelType: 'seed_oss',
  className: 'SeedOss',
  defaults: { num_key_value_heads: 2, residual_dropout: 0.1 },
  settings(keys: ConfigKeys) {
    if (keys.rate('residual_dropout') > 0) throw keys.unsupported('residual_dropout', [0])
    return llamaSettings(keys)
  },
})

describe('a family made from the public parts', () => {
  it('computes what Llama does from the same weights', async () => {
    const { num_key_value_heads: _, ...config } = { ...TINY_LLAMA, num_key_value_heads: 2 }
    const feeds = { input_ids: idsOf([[3, 1, 4, 1, 5]]) }
    const own = await forwardOf(tinyModel(seedOss, { ...config, residual_dropout: 0 }, 'CAUSAL_LM'), feeds)
    const theirs = await forwardOf(tinyModel(llama, { ...config, num_key_value_heads: 2 }, 'CAUSAL_LM'), feeds)
    expect(rounded(own.y)).toEqual(rounded(theirs.y))
    expect(rounded(own.y).some((x) => x !== 0)).toBe(true)
  })

  it('refuses by its key what it does not build', () => {
    expect(() => tinyModel(seedOss, TINY_LLAMA, 'CAUSAL_LM')).toThrow(
      expect.objectContaining({ code: 'model.unsupported', message: expect.stringContaining('residual_dropout') }),
    )
  })

  it('has the heads that it names, and no others', () => {
    const plain = architectureOf({
      modelType: 'plain',
      baseModelPrefix: 'model',
      defaultTargets: [],
      settings: llamaSettings,
      base: ({ sizes }, scope) =>
        new DecoderModel(
          'Plain',
          sizes,
          { tokens: 'tokens', layers: 'layers', norm: 'norm' },
          {
            tokens: scope.embedding('tokens', sizes.vocabularySize, sizes.hiddenSize),
            layers: [],
            norm: scope.rmsNorm('norm', sizes.hiddenSize, 1e-6),
          },
        ),
      heads: {
        CAUSAL_LM: causalLM({ className: 'PlainForCausalLM', field: 'lm_head' }),
        FEATURE_EXTRACTION: bareModel,
      },
    })
    expect(plain.tasks).toEqual(['CAUSAL_LM', 'FEATURE_EXTRACTION'])
    expect(() => tinyModel(plain, TINY_LLAMA, 'SEQ_CLS')).toThrow(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })
})
