import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AdaptedModel, ParameterScope, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { mt5 } from '@espalier/models'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSeq2SeqLM } from '../auto/auto-model.js'
import { AutoPeftModel, AutoPeftModelForSeq2SeqLM } from '../auto/auto-peft-model.js'
import { getPeftModel, type PeftModel } from './peft-model.js'
import { getPeftModelStateDict, setPeftModelStateDict } from './state-dict.js'

const subset = (path: string) => fileURLToPath(new URL(`../../../../tools/fixtures/subset/${path}`, import.meta.url))
const t5 = subset('base/t5')
const options = () => ({ backend: reference(), tokenizer: subset('data/tokenizers/bytelevel-bpe') })
const PROMPT = { inputIds: [5, 17, 42, 8, 99, 23], maxNewTokens: 6 }

/** Makes an adapter that changes what the model says. */
async function change(model: PeftModel): Promise<void> {
  const dict = await getPeftModelStateDict(model)
  for (const [i, { data }] of [...dict.values()].entries())
    (data as Float32Array).forEach((x, j, all) => {
      all[j] = x + Math.sin(i * 7 + j)
    })
  setPeftModelStateDict(model, dict)
}

describe('encoder-decoder models', () => {
  it('take an adapter at PEFT’s own places, and generate the same from its folder', async () => {
    await using base = await AutoModelForSeq2SeqLM.fromPretrained(t5, options())
    const plain = await base.generate(PROMPT)
    const model = getPeftModel(base, lora({ r: 2, taskType: 'SEQ_2_SEQ_LM' }))
    await change(model)
    const [adapted, files] = [await model.generate(PROMPT), await model.toFiles()]
    expect(adapted.tokenIds).not.toEqual(plain.tokenIds)
    const config = JSON.parse((await files.get('adapter_config.json')?.text()) ?? '')
    expect(config).toMatchObject({ task_type: 'SEQ_2_SEQ_LM', target_modules: ['q', 'v'] })
    for (const auto of [AutoPeftModelForSeq2SeqLM, AutoPeftModel]) {
      await using again = await auto.fromPretrained(files, { ...options(), base: t5 })
      expect((await again.generate(PROMPT)).tokenIds).toEqual(adapted.tokenIds)
    }
  })

  it('keep a head that merging gave them, and the factor before it, in a folder', async () => {
    // As before transformers 5, without a word of the factor.
    const { scale_decoder_outputs: _, ...config } = JSON.parse(readFileSync(`${t5}/config.json`, 'utf8'))
    const weights = new Blob([readFileSync(`${t5}/model.safetensors`)])
    const files = new Map([
      ['config.json', new Blob([JSON.stringify(config)])],
      ['model.safetensors', weights],
    ])
    await using base = await AutoModelForSeq2SeqLM.fromPretrained(files, options())
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q'], modulesToSave: ['lm_head'] }))
    await change(model)
    await using merged = await model.mergeAndUnload()
    const saved = await merged.toFiles()
    expect(await saved.get('config.json')?.text()).toContain('"initializer_factor": 1.0') // transformers refuses 1
    await using again = await AutoModelForSeq2SeqLM.fromPretrained(saved, options())
    // Drawn by their probabilities, tokens tell the factor too.
    const sampled = { ...PROMPT, maxNewTokens: 24, doSample: true, seed: 5 }
    expect((await again.generate(sampled)).tokenIds).toEqual((await merged.generate(sampled)).tokenIds)
  })

  it('count what trains from config.json alone, as PEFT does: mt0-small', () => {
    const config = { model_type: 'mt5', d_model: 512, d_ff: 1024, d_kv: 64, num_heads: 6, num_layers: 8 }
    const shapes = new ParameterScope((_, shape) => ({ dtype: 'f32', shape, read: async () => new Uint8Array() }))
    const model = mt5.build({ ...config, vocab_size: 250_112, tie_word_embeddings: false }, shapes, 'SEQ_2_SEQ_LM')
    const nowhere = { nameOrPath: null, revision: null }
    const adapted = new AdaptedModel({
      ...nowhere,
      model,
      config,
      modelType: 'mt5',
      defaultTargets: mt5.defaultTargets,
    })
    adapted.addAdapter('default', lora({ r: 8, taskType: 'SEQ_2_SEQ_LM' }))
    expect(adapted.printTrainableParameters()).toBe(
      'trainable params: 344,064 || all params: 300,520,832 || trainable%: 0.1145',
    )
  })

  it('are no models that continue one text', async () => {
    await expect(AutoModelForCausalLM.fromPretrained(t5, options())).rejects.toMatchObject({
      code: 'model.unsupported',
      details: {
        task: 'CAUSAL_LM',
        tasks: ['SEQ_2_SEQ_LM', 'SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION'],
      },
    })
  })
})
