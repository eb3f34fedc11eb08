/** Model types for which PEFT has no default targets: a LoRA without targets says so and names layers, in a program and on the command line. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initialValues, ParameterScope, Random, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { albert, distilbert, glm, glm4, openaiGpt } from '@espalier/models'
import { memoryFolder, saveModel } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import { runCli } from '../cli/run-cli.fake.js'
import { TINY_CONFIG, temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { getPeftModel } from './peft-model.js'

const GLM = { ...TINY_CONFIG, model_type: 'glm', head_dim: 8, pad_token_id: 0 } // the default has no row
const GPT = { model_type: 'openai-gpt', vocab_size: 600, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 32 }
const DISTILBERT = { model_type: 'distilbert', vocab_size: 600, dim: 8, hidden_dim: 10, n_layers: 1, n_heads: 2 }
const ALBERT = {
  model_type: 'albert',
  vocab_size: 600,
  embedding_size: 6,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 1,
  num_attention_heads: 2,
}

describe('a LoRA without targets', () => {
  it.each([
    ['openai-gpt', openaiGpt, GPT, 'CAUSAL_LM', 'transformer.h.*.attn.c_attn'],
    ['glm', glm, GLM, 'CAUSAL_LM', 'model.layers.*.self_attn.q_proj'],
    ['glm4', glm4, { ...GLM, model_type: 'glm4' }, 'CAUSAL_LM', 'model.layers.*.self_attn.q_proj'],
    ['distilbert', distilbert, DISTILBERT, 'SEQ_CLS', 'distilbert.transformer.layer.*.attention.q_lin'],
    ['albert', albert, ALBERT, 'SEQ_CLS', 'albert.encoder.albert_layer_groups.*.albert_layers.*.attention.query'],
  ] as const)('is refused with the names of layers: %s', async (modelType, family, config, task, layer) => {
    const folder = memoryFolder()
    const scope = new ParameterScope(initialValues(new Random(1)))
    await saveModel({ model: family.build(config, scope, task), config }, folder)
    const auto = task === 'CAUSAL_LM' ? AutoModelForCausalLM : AutoModelForSequenceClassification
    await using base = await auto.fromPretrained(folder.toFiles(), { backend: reference() })
    expect(() => getPeftModel(base, lora())).toThrow(
      expect.objectContaining({
        code: 'target.none',
        what: 'this model type has no default targets',
        details: { modelType, names: expect.arrayContaining([layer]) },
      }),
    )
  })

  it('is refused by espalier train without an adapter left, with the option to give', { timeout: 60_000 }, async () => {
    const work = await temporaryFolder()
    const at = (name: string) => join(work.path, name)
    for (const [name, blob] of await tinyModelFiles('CAUSAL_LM', { family: openaiGpt, config: GPT }))
      writeFileSync(at(name), Buffer.from(await blob.arrayBuffer()))
    writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const data = ['--data', at('rows.jsonl'), '--max-steps', '1']
    const done = await runCli(['train', '--model', work.path, ...data, '--output-dir', at('out')])
    const left = existsSync(at('out/adapter_config.json'))
    work.remove()
    expect([done.code, left]).toEqual([1, false])
    expect(done.stderr).toMatch(
      /this model type has no default targets \(modelType="openai-gpt", .*"transformer\.h\.\*\.attn\.c_attn"/,
    )
    expect(done.stderr).toContain('\nGive --lora-target-modules\ncode: target.none')
  })
})
