/** A file with another weight for a head that config.json ties: transformers 5 ties nothing then, and says so. */
import { feed, hostTensor, namedParameters, type Parameter, passOf, readSource, reference } from '@espalier/core'
import { bert, llama } from '@espalier/models'
import { memoryFolder, tensorToWrite, writeSafetensors } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForMaskedLM } from '../auto/auto-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import type { PretrainedModel } from './pretrained-model.js'

const SIZES = { vocab_size: 13, hidden_size: 8, intermediate_size: 10, num_hidden_layers: 1, num_attention_heads: 2 }
const LLAMA = { ...SIZES, model_type: 'llama', max_position_embeddings: 16 }
const BERT = { ...SIZES, model_type: 'bert', max_position_embeddings: 16 }
const ids = hostTensor('i32', [1, 5], [2, 7, 5, 11, 3])

const cases = [
  ['llama', AutoModelForCausalLM, { family: llama, config: { ...LLAMA, tie_word_embeddings: false } }, 'CAUSAL_LM'],
  ['bert', AutoModelForMaskedLM, { family: bert, config: { ...BERT, tie_word_embeddings: false } }, 'MASKED_LM'],
] as const

async function logitsOf(loaded: PretrainedModel): Promise<readonly number[]> {
  const { model, backend } = loaded
  const { ids: read, context } = passOf({ input_ids: feed('input_ids', 'i32', ids.shape) }, model.causal)
  const program = { name: 'logits', outputs: { logits: model.forward(read, context) } }
  const executable = await backend.compile(program, { weights: await loaded.weights() })
  const { logits } = await executable.run({ feeds: { input_ids: ids } })
  return Array.from(logits?.data ?? [], Number)
}

async function withTied(files: ReadonlyMap<string, Blob>): Promise<Map<string, Blob>> {
  const config = JSON.parse((await files.get('config.json')?.text()) ?? '') as object
  return new Map([...files, ['config.json', new Blob([JSON.stringify({ ...config, tie_word_embeddings: true })])]])
}

describe('a file whose head differs from the token table that config.json ties it to', () => {
  it.each(cases)('is read as it is, and said: %s', async (_, auto, options, task) => {
    const files = await tinyModelFiles(task, options)
    await using untied = await auto.fromPretrained(files, { backend: reference() })
    await using tied = await auto.fromPretrained(await withTied(files), { backend: reference() })
    expect(await logitsOf(tied)).toEqual(await logitsOf(untied))
    expect(tied.loaded.warnings.join()).toMatch(/both with different values/)
    expect(tied.loaded.config.tie_word_embeddings).toBe(false)
    expect(untied.loaded.warnings).toEqual([])
  })

  it('is refused where a second bias alone differs', async () => {
    const saved = await tinyModelFiles('MASKED_LM', { family: bert, config: { ...BERT, tie_word_embeddings: true } })
    await using tied = await AutoModelForMaskedLM.fromPretrained(saved, { backend: reference() })
    const output = memoryFolder()
    const weights = [...namedParameters(tied.model)].map(async ([name, { source }]) =>
      tensorToWrite(name, await readSource(source)),
    )
    const bias = tensorToWrite('cls.predictions.decoder.bias', hostTensor('f32', [13], new Float32Array(13).fill(7)))
    await writeSafetensors(output, 'model.safetensors', [...(await Promise.all(weights)), bias])
    const files = new Map([...saved, ...output.toFiles()])
    const loading = AutoModelForMaskedLM.fromPretrained(files, { backend: reference() })
    await expect(loading).rejects.toMatchObject({
      code: 'model.unsupported',
      message: expect.stringMatching(/two biases/),
    })
  })

  it('stays tied where the file holds a copy', async () => {
    const saved = await tinyModelFiles('CAUSAL_LM', { family: llama, config: { ...LLAMA, tie_word_embeddings: true } })
    await using tied = await AutoModelForCausalLM.fromPretrained(saved, { backend: reference() })
    const table = await readSource((namedParameters(tied.model).get('model.embed_tokens.weight') as Parameter).source)
    const output = memoryFolder()
    const weights = [...namedParameters(tied.model)].map(async ([name, { source }]) =>
      tensorToWrite(name, await readSource(source)),
    )
    const copied = [...(await Promise.all(weights)), tensorToWrite('lm_head.weight', table)]
    await writeSafetensors(output, 'model.safetensors', copied)
    const files = new Map([...saved, ...output.toFiles()])
    await using copy = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
    expect(await logitsOf(copy)).toEqual(await logitsOf(tied))
    expect(copy.loaded.warnings).toEqual([])
    expect(namedParameters(copy.model).has('lm_head.weight')).toBe(false)
  })
})
