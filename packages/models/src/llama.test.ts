import { EspalierError, hostTensor, moduleAt, namedModules, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_LLAMA } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { llama } from './llama.js'

const ids = idsOf([
  [5, 3, 9, 1, 0, 0],
  [2, 7, 7, 12, 4, 8],
])
const lastRow = (values: readonly number[]) => [...values.slice(65, 78), ...values.slice(143, 156)]
const thrown = (build: () => unknown) => {
  try {
    build()
  } catch (error) {
    return error as EspalierError
  }
  return undefined
}

describe('llama', () => {
  it("gives transformers' logits for seeded weights", async () => {
    const { y } = await forwardOf(tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM'), { input_ids: ids })
    expect(lastRow(rounded(y, 3))).toEqual(
      [
        -0.086, -0.4066, 0.5431, -0.5576, 0.5815, -1.2184, -0.0651, 0.7314, -0.5485, 0.4443, 0.3153, -0.3384, 0.2881,
        0.445, 0.0071, -0.437, 0.7955, 0.2934, 0.637, 0.0063, 0.0871, 0.7516, -1.0205, -0.4248, 0.1705, -0.7939,
      ].map((x) => expect.closeTo(x, 2)),
    )
  })

  it('takes linear rope scaling from either layout of the configuration', async () => {
    const newer = { ...TINY_LLAMA, rope_parameters: { rope_type: 'linear', factor: 4, rope_theta: 500 } }
    const older = { ...TINY_LLAMA, rope_scaling: { type: 'linear', factor: 4 }, rope_theta: 500 }
    const [a, b] = await Promise.all(
      [newer, older].map((config) => forwardOf(tinyModel(llama, config, 'CAUSAL_LM'), { input_ids: ids })),
    )
    expect(lastRow(rounded(a?.y)).slice(0, 5)).toEqual(
      [-0.2564, -0.1598, -0.184, 0.211, 0.7527].map((x) => expect.closeTo(x, 3)),
    )
    expect(b?.y?.data).toEqual(a?.y?.data)
  })

  it("classifies by each row's last token that is not padding", async () => {
    const mask = hostTensor('i32', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
    const { y } = await forwardOf(tinyModel(llama, TINY_LLAMA, 'SEQ_CLS'), { input_ids: ids, attention_mask: mask })
    expect(rounded(y)).toEqual([1.9688, -2.2526, 0.3616, 0.5056, 1.2539, -0.4665].map((x) => expect.closeTo(x, 3)))
  })

  it("has Hugging Face's module paths and shares the token table with a tied head", () => {
    const model = tinyModel(llama, TINY_LLAMA, 'CAUSAL_LM')
    const paths = namedModules(model).map(({ path }) => path)
    expect(paths).toContain('model.layers.1.self_attn.q_proj')
    expect(paths).toContain('model.layers.0.mlp.down_proj')
    expect(moduleAt(model, 'lm_head')).toMatchObject({ outSize: 13 })
    expect([...namedParameters(model).keys()].filter((path) => path.includes('lm_head'))).toEqual([])
  })

  it('captures the embeddings, each layer and the normed end as hidden states', async () => {
    const model = tinyModel(llama, TINY_LLAMA, 'FEATURE_EXTRACTION')
    const got = await forwardOf(model, { input_ids: ids })
    expect(Object.keys(got).sort()).toEqual(['hidden_states.0', 'hidden_states.1', 'hidden_states.2', 'y'])
    expect(got['hidden_states.2']?.data).toEqual(got.y?.data)
  })

  it('names the key that is missing or wrong', () => {
    const { hidden_size, ...without } = TINY_LLAMA
    const missing = thrown(() => tinyModel(llama, without, 'CAUSAL_LM'))
    expect(EspalierError.isInstance(missing) && missing.code).toBe('model.config')
    expect(missing?.message).toContain('hidden_size')
    const uneven = thrown(() => tinyModel(llama, { ...TINY_LLAMA, num_key_value_heads: 3 }, 'CAUSAL_LM'))
    expect(uneven?.code).toBe('model.config')
    expect(hidden_size).toBe(8)
  })

  it('refuses scalings, activations and tasks that it does not have', () => {
    const magic = { ...TINY_LLAMA, rope_parameters: { rope_type: 'magic', factor: 4, rope_theta: 500 } }
    expect(thrown(() => tinyModel(llama, magic, 'CAUSAL_LM'))?.code).toBe('model.unsupported')
    expect(thrown(() => tinyModel(llama, { ...TINY_LLAMA, hidden_act: 'magic' }, 'CAUSAL_LM'))?.code).toBe(
      'model.unsupported',
    )
    expect(thrown(() => tinyModel(llama, TINY_LLAMA, 'MASKED_LM'))?.code).toBe('model.unsupported')
  })
})
