/** Adapters merged into one end of a table that a masked language model shares: what is saved gives the same logits again. */
import { type Architecture, feed, hostTensor, passOf, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { albert, bert, deberta, distilbert, electra, roberta } from '@espalier/models'
import { describe, expect, it } from 'vitest'
import { AutoModelForMaskedLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'
import type { PretrainedModel } from './pretrained-model.js'

const ENCODER = {
  vocab_size: 13,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 16,
}
const BERT = { ...ENCODER, model_type: 'bert' }
const ROBERTA = { ...ENCODER, model_type: 'roberta', pad_token_id: 1 }
const DISTILBERT = { model_type: 'distilbert', vocab_size: 13, dim: 8, hidden_dim: 10, n_layers: 1, n_heads: 2 }
const ELECTRA = { ...ENCODER, model_type: 'electra', embedding_size: 6 }
const ALBERT = { ...ENCODER, model_type: 'albert', embedding_size: 6 }
const DEBERTA = { ...ENCODER, model_type: 'deberta', type_vocab_size: 0 }
const ids = hostTensor('i32', [1, 5], [2, 7, 5, 11, 3])

type Config = Readonly<Record<string, unknown>>

const load = (files: Map<string, Blob>) => AutoModelForMaskedLM.fromPretrained(files, { backend: reference() })

/** The model with an adapter at one module merged into it. */
async function merged(family: Architecture, config: Config, target: string): Promise<PretrainedModel> {
  const base = await load(await tinyModelFiles('MASKED_LM', { family, config }))
  const adapter = lora({ r: 2, targetModules: [target], initLoraWeights: false })
  return getPeftModel(base, adapter, { seed: 3 }).mergeAndUnload()
}

async function logitsOf(loaded: PretrainedModel): Promise<readonly number[]> {
  const { model, backend } = loaded
  const { ids: read, context } = passOf({ input_ids: feed('input_ids', 'i32', ids.shape) }, model.causal)
  const program = { name: 'logits', outputs: { logits: model.forward(read, context) } }
  const executable = await backend.compile(program, { weights: await loaded.weights() })
  const { logits } = await executable.run({ feeds: { input_ids: ids } })
  return Array.from(logits?.data ?? [], Number)
}

describe('a masked language model with an adapter merged into its token table', () => {
  it.each([
    ['bert', bert, BERT, 'cls.predictions.decoder'],
    ['roberta', roberta, ROBERTA, 'lm_head.decoder'],
    ['distilbert', distilbert, DISTILBERT, 'vocab_projector'],
    ['electra', electra, ELECTRA, 'generator_lm_head'],
    ['albert', albert, ALBERT, 'predictions.decoder'],
    ['deberta', deberta, DEBERTA, 'cls.predictions.decoder'],
  ] as const)('is not tied in its folder: %s', async (_, family, config, decoder) => {
    for (const target of ['word_embeddings', decoder]) {
      const model = await merged(family, config, target)
      const files = await model.toFiles()
      expect(JSON.parse((await files.get('config.json')?.text()) ?? '')).toMatchObject({ tie_word_embeddings: false })
      expect(await logitsOf(await load(files)), target).toEqual(await logitsOf(model))
    }
  })

  it('stays tied where neither end changed', async () => {
    const files = await (await merged(bert, BERT, 'query')).toFiles()
    expect(JSON.parse((await files.get('config.json')?.text()) ?? '')).not.toHaveProperty('tie_word_embeddings')
  })

  it("is not saved with the paper's head of DeBERTa, which has no weight of its own", async () => {
    const model = await merged(deberta, { ...DEBERTA, legacy: false }, 'word_embeddings')
    await expect(model.toFiles()).rejects.toMatchObject({
      code: 'model.unsupported',
      details: { className: 'DebertaForMaskedLM' },
    })
  })
})
