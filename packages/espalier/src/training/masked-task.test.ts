import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initialValues, ParameterScope, Random, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { bert } from '@espalier/models'
import { memoryFolder, saveModel } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { AutoModelForMaskedLM } from '../auto/auto-model.js'
import { AutoPeftModel } from '../auto/auto-peft-model.js'
import { getPeftModel } from '../model/peft-model.js'
import type { EvalPrediction } from './label-metrics.js'
import { maskedLanguageModeling } from './masked-task.js'
import { Trainer } from './trainer.js'

const CONFIG = {
  model_type: 'bert',
  vocab_size: 600,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
}

const tokenizerFolder = fileURLToPath(
  new URL('../../../../tools/fixtures/subset/data/tokenizers/bytelevel-bpe/', import.meta.url),
)
const trainDataset = [{ text: 'one two three four five six' }, { text: 'six five four three two one' }]

/** A BERT of random weights in memory, with a tokenizer that has a mask token or none. */
async function files(maskToken: string | null = '<|endoftext|>'): Promise<Map<string, Blob>> {
  const folder = memoryFolder()
  const scope = new ParameterScope(initialValues(new Random(1)))
  await saveModel({ model: bert.build(CONFIG, scope, 'MASKED_LM'), config: CONFIG }, folder)
  const made = folder.toFiles()
  const text = (name: string) => readFileSync(join(tokenizerFolder, name), 'utf8')
  const settings = { ...(JSON.parse(text('tokenizer_config.json')) as object), mask_token: maskToken }
  made.set('tokenizer.json', new Blob([text('tokenizer.json')]))
  made.set('tokenizer_config.json', new Blob([JSON.stringify(settings)]))
  return made
}

describe('masked language modelling', () => {
  it('learns what is hidden, and measures the share that is found', async () => {
    const base = await AutoModelForMaskedLM.fromPretrained(await files(), { backend: reference() })
    const args = { maxSteps: 30, learningRate: 0.02, seed: 3 }
    const task = maskedLanguageModeling({ mlmProbability: 0.4 })
    const trainer = new Trainer({ model: base, task, trainDataset, evalDataset: trainDataset, args })
    const before = await trainer.evaluate()
    expect(await trainer.evaluate()).toEqual(before) // evaluations mask alike
    await trainer.train()
    const after = await trainer.evaluate()
    expect(after.evalLoss).toBeLessThan(before.evalLoss - 1)
    expect(after.metrics.accuracy).toBeGreaterThan(before.metrics.accuracy as number)
    await base.close()
  })

  it('saves adapters that say the class of their base, by which AutoPeftModel finds its head', async () => {
    const base = await AutoModelForMaskedLM.fromPretrained(await files(), { backend: reference() })
    const adapter = await getPeftModel(base, lora({ r: 4, targetModules: 'all-linear' })).toFiles()
    const config = JSON.parse(await (adapter.get('adapter_config.json') as Blob).text()) as Record<string, unknown>
    expect(config).toMatchObject({
      task_type: null,
      auto_mapping: { base_model_class: 'BertForMaskedLM', parent_library: 'transformers.models.bert.modeling_bert' },
    })
    expect(config.target_modules).not.toContain('cls.predictions.decoder')
    const again = await AutoPeftModel.fromPretrained(adapter, { base: await files(), backend: reference() })
    expect(again.model.task).toBe('MASKED_LM')
    await again.close()
    await base.close()
  })

  it('is the task of the head, and gives computeMetrics the likeliest ids of rows that are masked already', async () => {
    const base = await AutoModelForMaskedLM.fromPretrained(await files(), { backend: reference() })
    const rows = [{ input_ids: [5, 6, 7], labels: [-100, 9, 8] }]
    const seen: EvalPrediction[] = []
    const computeMetrics = (prediction: EvalPrediction) => {
      seen.push(prediction)
      return { items: prediction.labelIds.length }
    }
    const trainer = new Trainer({ model: base, trainDataset: rows, evalDataset: rows, computeMetrics })
    expect((await trainer.evaluate()).metrics).toEqual({ items: 2 })
    expect(seen[0]?.labelIds).toEqual([9, 8])
    for (const [id] of seen[0]?.predictions ?? []) expect(Number.isInteger(id)).toBe(true)
    await base.close()
  })

  it('refuses a tokenizer without a mask token', async () => {
    const base = await AutoModelForMaskedLM.fromPretrained(await files(null), { backend: reference() })
    const trainer = new Trainer({ model: getPeftModel(base, lora()), trainDataset })
    await expect(trainer.preflight()).rejects.toMatchObject({ code: 'config.unsupported' })
    await base.close()
  })
})
