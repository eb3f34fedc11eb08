/** A model whose logits are capped behind its head: what is said of heads elsewhere holds of the head itself. */
import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { gemma2 } from '@espalier/models'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { TINY_CONFIG, tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'

const config = {
  ...TINY_CONFIG,
  model_type: 'gemma2',
  architectures: ['Gemma2ForCausalLM'],
  head_dim: 8,
  final_logit_softcapping: 30,
  attn_logit_softcapping: 50,
}
const load = async (files?: Map<string, Blob>) =>
  AutoModelForCausalLM.fromPretrained(files ?? (await tinyModelFiles('CAUSAL_LM', { family: gemma2, config })), {
    backend: reference(),
  })

it('its head is none of all linear layers', async () => {
  await using base = await load()
  const model = getPeftModel(base, lora({ targetModules: 'all-linear' }))
  const config = model.peftConfig.default as { readonly targetModules?: unknown }
  expect(config.targetModules).toEqual(expect.arrayContaining(['model.layers.1.mlp.down_proj']))
  expect(config.targetModules).not.toEqual(expect.arrayContaining(['lm_head']))
})

it('a head that merging gave it is not tied again, and its caps stay numbers with a point, as transformers wants them', async () => {
  const prompt = { prompt: 'once upon', maxNewTokens: 8 }
  await using base = await load()
  const model = getPeftModel(base, lora({ targetModules: ['q_proj'], modulesToSave: ['lm_head'] }), { seed: 1 })
  await using merged = await model.mergeAndUnload()
  const files = await merged.toFiles()
  const text = (await files.get('config.json')?.text()) ?? ''
  expect(JSON.parse(text)).toMatchObject({ tie_word_embeddings: false })
  expect(text).toContain('"final_logit_softcapping": 30.0')
  expect(text).toContain('"attn_logit_softcapping": 50.0')
  await using again = await load(files)
  expect((await again.generate(prompt)).text).toBe((await base.generate(prompt)).text)
})
