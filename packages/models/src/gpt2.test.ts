import { hostTensor, isAdaptable, moduleAt, namedParameters } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { TINY_GPT2 } from './fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from './fixtures/tiny-model.js'
import { gpt2 } from './gpt2.js'

const ids = idsOf([
  [5, 3, 9, 1, 0, 0],
  [2, 7, 7, 12, 4, 8],
])
const types = idsOf([
  [0, 1, 0, 1, 0, 0],
  [1, 0, 0, 1, 1, 0],
])

describe('gpt2', () => {
  it("gives transformers' logits for seeded weights, with token types and scores scaled by depth", async () => {
    const model = tinyModel(gpt2, TINY_GPT2, 'CAUSAL_LM')
    const { y } = await forwardOf(model, { input_ids: ids, token_type_ids: types })
    expect(rounded(y).slice(65, 70)).toEqual([0.8397, 0.1067, 0.0956, 0.4191, 0.6998].map((x) => expect.closeTo(x, 3)))
    expect(rounded(y).slice(151, 156)).toEqual(
      [-0.1794, 0.894, -0.4707, 0.6724, -1.1541].map((x) => expect.closeTo(x, 3)),
    )
  })

  it("classifies by each row's last token that is not padding", async () => {
    const mask = hostTensor('i32', [2, 6], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
    const { y } = await forwardOf(tinyModel(gpt2, TINY_GPT2, 'SEQ_CLS'), { input_ids: ids, attention_mask: mask })
    expect(rounded(y)).toEqual([-0.0251, -0.5547, 0.2411, -1.5635, -0.2614, 0.4799].map((x) => expect.closeTo(x, 3)))
  })

  it('stores attention and mlp weights (in, out) and ties its head', () => {
    const model = tinyModel(gpt2, TINY_GPT2, 'CAUSAL_LM')
    const layer = moduleAt(model, 'transformer.h.0.attn.c_attn')
    expect(isAdaptable(layer) && [layer.kind, ...layer.weight.shape]).toEqual(['conv1d', 8, 24])
    expect(namedParameters(model).has('lm_head.weight')).toBe(false)
  })

  it('drops activations in a pass with a seed, the same ones for the same seed', async () => {
    const model = tinyModel(gpt2, TINY_GPT2, 'CAUSAL_LM')
    const run = (seed?: number) =>
      forwardOf(model, { input_ids: ids, ...(seed === undefined ? {} : { seed: hostTensor('u32', [], [seed]) }) })
    const [plain, first, again, other] = await Promise.all([run(), run(1), run(1), run(2)])
    expect(first?.y?.data).toEqual(again?.y?.data)
    expect(first?.y?.data).not.toEqual(plain?.y?.data)
    expect(first?.y?.data).not.toEqual(other?.y?.data)
  })
})
