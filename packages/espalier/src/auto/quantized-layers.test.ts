/** Which layers of which models are packed: transformers' choice, where it is not told which to leave. */
import { initialValues, namedParameters, ParameterScope, Random, reference, type TaskType } from '@espalier/core'
import { architectures } from '@espalier/models'
import { memoryFolder, saveModel } from '@espalier/serialization'
import { describe, expect, it } from 'vitest'
import { loadPretrained } from './auto-model.js'

const encoder = {
  vocab_size: 13,
  hidden_size: 64,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 16,
}
const t5 = { vocab_size: 13, d_model: 64, d_kv: 32, d_ff: 64, num_layers: 1, num_heads: 2, decoder_start_token_id: 0 }
const llama = { ...encoder, num_key_value_heads: 2, rms_norm_eps: 1e-6 }

/** Paths of the linear layers that stay floats when a model that was saved for one task is loaded for another. */
async function leftInFloats(modelType: string, config: object, saved: TaskType, task: TaskType, skipped?: string[]) {
  const architecture = architectures.find((each) => each.modelType === modelType)
  const full = { model_type: modelType, ...config }
  const folder = memoryFolder()
  const model = architecture?.build(full, new ParameterScope(initialValues(new Random(1))), saved)
  if (model === undefined) throw new Error(modelType)
  await saveModel({ model, config: full }, folder)
  const quantizationConfig = { loadIn8bit: true, ...(skipped && { llmInt8SkipModules: skipped }) }
  await using loaded = await loadPretrained(folder.toFiles(), task, { backend: reference(), quantizationConfig })
  const packed = [...namedParameters(loaded.loaded.model).values()].filter(({ dtype }) => dtype === 'i8')
  expect(packed.length).toBeGreaterThan(0)
  const { quantization_config: written } = loaded.loaded.config as { quantization_config?: Record<string, unknown> }
  return written?.llm_int8_skip_modules
}

describe('a model that is packed as it is read', () => {
  it('keeps its output layer, tied or not', async () => {
    expect(await leftInFloats('llama', llama, 'CAUSAL_LM', 'CAUSAL_LM')).toEqual(['lm_head'])
    const tied = { ...llama, tie_word_embeddings: true }
    expect(await leftInFloats('llama', tied, 'CAUSAL_LM', 'CAUSAL_LM')).toEqual(['lm_head'])
  })

  it('keeps a head that starts anew, and the pooler with it', async () => {
    expect(await leftInFloats('bert', encoder, 'MASKED_LM', 'SEQ_CLS')).toEqual(['bert.pooler.dense', 'classifier'])
    expect(await leftInFloats('llama', llama, 'CAUSAL_LM', 'SEQ_CLS')).toEqual(['score'])
  })

  it('keeps what its family computes in float32', async () => {
    expect(await leftInFloats('t5', t5, 'SEQ_2_SEQ_LM', 'SEQ_2_SEQ_LM')).toEqual([
      'encoder.block.0.layer.1.DenseReluDense.wo',
      'decoder.block.0.layer.2.DenseReluDense.wo',
      'lm_head',
    ])
  })

  it('keeps what it is told to, and then no output layer that is not named', async () => {
    expect(await leftInFloats('llama', llama, 'CAUSAL_LM', 'CAUSAL_LM', ['down_proj'])).toEqual([
      'down_proj',
      'model.layers.0.mlp.down_proj',
    ])
  })
})
