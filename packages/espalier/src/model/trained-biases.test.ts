/** Biases of the base model that an adapter trains. Numbers and names are PEFT 0.21's. */
import { fileURLToPath } from 'node:url'
import { hostTensor, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { bert } from '@espalier/models'
import { decayOf } from '@espalier/trainer'
import { adalora } from '@espalier/tuner-adalora'
import { vera } from '@espalier/tuner-vera'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel, PeftModel } from './peft-model.js'
import { getPeftModelStateDict, setPeftModelStateDict } from './state-dict.js'

const golden = (name: string) =>
  fileURLToPath(new URL(`../../../../tools/fixtures/subset/base/${name}`, import.meta.url))
const options = () => ({ backend: reference() })
const classifier = () => AutoModelForSequenceClassification.fromPretrained(golden('bert/seq-cls'), options())
const decoder = () => AutoModelForCausalLM.fromPretrained(golden('gpt2'), options())

const MASKED = {
  model_type: 'bert',
  hidden_size: 32,
  intermediate_size: 32,
  max_position_embeddings: 512,
  num_attention_heads: 2,
  num_hidden_layers: 1,
  type_vocab_size: 2,
  vocab_size: 50,
}
const masked = async () =>
  AutoModelForMaskedLM.fromPretrained(await tinyModelFiles('MASKED_LM', { family: bert, config: MASKED }), options())

describe('training biases of the base model', () => {
  it('counts as PEFT', async () => {
    const all = { r: 4, bias: 'all' } as const
    const counted = async (model: ReturnType<typeof decoder>, configured: ReturnType<typeof lora>) =>
      getPeftModel(await model, configured).adapted.parameterCounts()
    expect(await counted(classifier(), lora({ ...all, targetModules: ['query'] }))).toEqual({
      trainable: 1235,
      all: 24_182,
    })
    expect(await counted(masked(), lora({ ...all, targetModules: ['query'] }))).toEqual({ trainable: 658, all: 26_002 })
    expect(await counted(masked(), lora({ r: 4, bias: 'lora_only', targetModules: ['query', 'decoder'] }))).toEqual({
      trainable: 666,
      all: 26_330,
    })
    expect(await counted(decoder(), lora({ ...all, targetModules: ['c_attn'], modulesToSave: ['ln_f'] }))).toEqual({
      trainable: 1792,
      all: 32_800,
    })
    expect(await counted(decoder(), lora({ ...all, targetModules: ['c_attn'], loraBias: true }))).toEqual({
      trainable: 1952,
      all: 32_928,
    })
  })

  it('writes the bias of a projection that shares the token table under both of its names', async () => {
    const model = getPeftModel(await masked(), lora({ bias: 'all', targetModules: ['query'] }))
    const [own, key] = ['cls.predictions.bias', 'cls.predictions.decoder.bias'].map(
      (name) => `base_model.model.${name}`,
    )
    const written = await getPeftModelStateDict(model)
    expect(written.get(own!)?.shape).toEqual([50])
    expect(written.get(key!)).toBe(written.get(own!))
    expect([...model.adapted.adapter('default').specs.keys()]).not.toContain('cls.predictions.decoder.bias')
    const changed = hostTensor('f32', [50], new Float32Array(50).fill(0.5))
    expect(setPeftModelStateDict(model, new Map([...written, [own!, changed], [key!, changed]]))).toEqual({
      missingKeys: [],
      unexpectedKeys: [],
    })
    const reloaded = await PeftModel.fromPretrained(await masked(), await model.toFiles())
    expect(reloaded.warnings).toEqual([])
    expect(await getPeftModelStateDict(reloaded)).toEqual(await getPeftModelStateDict(model))
  })

  it.each([
    ['vera', () => vera({ targetModules: ['query'], bias: 'vera_only' })],
    ['adalora', () => adalora({ targetModules: ['query'], bias: 'lora_only', totalStep: 10 })],
  ])('is of every method that has the setting in PEFT: %s', async (_, configured) => {
    const model = getPeftModel(await classifier(), configured())
    const biases = [...(await getPeftModelStateDict(model)).keys()].filter((name) => name.endsWith('base_layer.bias'))
    expect(biases).toEqual(
      [0, 1].map((i) => `base_model.model.bert.encoder.layer.${i}.attention.self.query.base_layer.bias`),
    )
  })

  it('does not let them decay, as transformers', async () => {
    const model = getPeftModel(await decoder(), lora({ bias: 'all', loraBias: true, targetModules: ['c_attn'] }))
    const { model: tree, trainable } = model.adapted.trainable()
    const decay = decayOf(tree, 0.1)
    const decayed = [...(await trainable()).keys()].filter((slot) => decay(slot) !== 0)
    expect(decayed).toEqual(
      [0, 1].flatMap((i) => ['A', 'B'].map((name) => `adapter0:transformer.h.${i}.attn.c_attn.lora_${name}.weight`)),
    )
  })

  it('says once that without the adapter the model has its own biases again', async () => {
    const model = getPeftModel(await classifier(), lora({ bias: 'all', targetModules: ['query'] }))
    const ids = [{ inputIds: [2, 7, 9, 3] }]
    const plain = await model.base.logits(ids)
    const key = 'bert.pooler.dense.bias'
    model.adapted
      .adapter('default')
      .setValues(new Map([[key, hostTensor('f32', [32], new Float32Array(32).fill(1))]]), {
        partial: true,
      })
    expect(await model.logits(ids)).not.toEqual(plain)
    expect(model.warnings).toEqual([])
    for (let i = 0; i < 2; i++) expect(await model.disableAdapter(() => model.logits(ids))).toEqual(plain)
    expect(model.warnings).toEqual([expect.stringContaining('in PEFT those that bias "all" trained stay')])
    model.addAdapter('other', lora({ targetModules: ['query'] }))
    model.setAdapter('other')
    expect(model.warnings).toHaveLength(1)
    expect(() => model.addAdapter('third', lora({ targetModules: ['query'], bias: 'lora_only' }))).toThrow(
      expect.objectContaining({ code: 'adapter.state' }),
    )
  })
})
