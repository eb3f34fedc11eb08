/** How many parameters a method trains of real models, by their configurations alone. The numbers are PEFT's. */
import { AdaptedModel, type Architecture, type ModelConfig, ParameterScope, type TaskType } from '@espalier/core'
import { lora } from '@espalier/lora'
import { mistral, mt5, opt, phi, phi3, qwen3, roberta, smollm3, stablelm } from '@espalier/models'
import { describe, expect, it } from 'vitest'

// config.json of facebook/opt-350m, without what says nothing of sizes.
const OPT_350M = {
  model_type: 'opt',
  do_layer_norm_before: false,
  ffn_dim: 4096,
  hidden_size: 1024,
  max_position_embeddings: 2048,
  num_attention_heads: 16,
  num_hidden_layers: 24,
  pad_token_id: 1,
  vocab_size: 50_272,
  word_embed_proj_dim: 512,
}

// config.json of mistralai/Mistral-7B-v0.1.
const MISTRAL_7B = {
  model_type: 'mistral',
  hidden_size: 4096,
  intermediate_size: 14_336,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  vocab_size: 32_000,
}

// config.json of Qwen/Qwen3-0.6B.
const QWEN3_06B = {
  model_type: 'qwen3',
  head_dim: 128,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  tie_word_embeddings: true,
  vocab_size: 151_936,
}

// config.json of HuggingFaceTB/SmolLM3-3B.
const SMOLLM3_3B = {
  model_type: 'smollm3',
  hidden_size: 2048,
  intermediate_size: 11_008,
  num_attention_heads: 16,
  num_hidden_layers: 36,
  num_key_value_heads: 4,
  vocab_size: 128_256,
}

// config.json of microsoft/phi-2.
const PHI_2 = {
  model_type: 'phi',
  hidden_size: 2560,
  intermediate_size: 10_240,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  partial_rotary_factor: 0.4,
  vocab_size: 51_200,
}

// config.json of microsoft/Phi-3-mini-4k-instruct.
const PHI3_MINI = {
  model_type: 'phi3',
  hidden_size: 3072,
  intermediate_size: 8192,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  sliding_window: 2047,
  vocab_size: 32_064,
}

// config.json of stabilityai/stablelm-2-1_6b.
const STABLELM_2 = {
  model_type: 'stablelm',
  hidden_size: 2048,
  intermediate_size: 5632,
  num_attention_heads: 32,
  num_hidden_layers: 24,
  num_key_value_heads: 32,
  use_qkv_bias: true,
  vocab_size: 100_352,
}

// config.json of FacebookAI/roberta-base, without what says nothing of sizes.
const ROBERTA_BASE = {
  model_type: 'roberta',
  hidden_size: 768,
  intermediate_size: 3072,
  max_position_embeddings: 514,
  num_attention_heads: 12,
  num_hidden_layers: 12,
  num_labels: 2,
  pad_token_id: 1,
  type_vocab_size: 1,
  vocab_size: 50_265,
}

// config.json of bigscience/mt0-small, without what says nothing of sizes.
const MT0_SMALL = {
  model_type: 'mt5',
  d_ff: 1024,
  d_kv: 64,
  d_model: 512,
  decoder_start_token_id: 0,
  feed_forward_proj: 'gated-gelu',
  num_decoder_layers: 8,
  num_heads: 6,
  num_layers: 8,
  pad_token_id: 0,
  tie_word_embeddings: false,
  vocab_size: 250_112,
}

/** A base model whose weights are never read. */
function withoutWeights(architecture: Architecture, config: ModelConfig, task: TaskType): AdaptedModel {
  const scope = new ParameterScope((_, shape) => ({
    dtype: 'f32',
    shape,
    read: () => Promise.reject(new Error('there are no weights')),
  }))
  const model = architecture.build(config, scope, task)
  const { modelType, defaultTargets } = architecture
  return new AdaptedModel({ model, modelType, config, nameOrPath: null, revision: null, defaultTargets })
}

describe('LoRA on opt-350m', () => {
  it.each([
    [16, 1_572_864],
    [8, 786_432],
  ])('trains as many parameters as with PEFT at rank %i', (r, trainable) => {
    const adapted = withoutWeights(opt, OPT_350M, 'CAUSAL_LM')
    adapted.addAdapter('default', lora({ r, targetModules: ['q_proj', 'v_proj'] }))
    expect(adapted.parameterCounts()).toEqual({ trainable, all: 331_196_416 + trainable })
  })
})

it('roberta-base with two labels has as many parameters as in transformers', () => {
  expect(withoutWeights(roberta, ROBERTA_BASE, 'SEQ_CLS').parameterCounts().all).toBe(124_647_170)
})

it('LoRA on mt0-small trains as many parameters as with PEFT', () => {
  const adapted = withoutWeights(mt5, MT0_SMALL, 'SEQ_2_SEQ_LM')
  adapted.addAdapter('default', lora({ r: 8 }))
  expect(adapted.parameterCounts()).toEqual({ trainable: 344_064, all: 300_520_832 })
})

describe('LoRA on decoders with rotary positions', () => {
  it.each([
    ['mistral-7b', mistral, MISTRAL_7B, 3_407_872, 7_245_139_968],
    ['qwen3-0.6b', qwen3, QWEN3_06B, 1_146_880, 597_196_800],
    ['phi-2', phi, PHI_2, 9_175_040, 2_788_858_880],
    ['stablelm-2-1.6b', stablelm, STABLELM_2, 1_572_864, 1_646_088_192],
  ])('trains as many parameters as with PEFT by its defaults (%s)', (_, architecture, config, trainable, all) => {
    const adapted = withoutWeights(architecture, config, 'CAUSAL_LM')
    adapted.addAdapter('default', lora({}))
    expect(adapted.parameterCounts()).toEqual({ trainable, all })
  })

  it.each([
    ['smollm3-3b', smollm3, SMOLLM3_3B, 3_075_098_624],
    ['phi-3-mini', phi3, PHI3_MINI, 3_821_079_552],
  ])(
    'has as many parameters as in transformers, and no targets where PEFT has none (%s)',
    (_, architecture, config, all) => {
      const adapted = withoutWeights(architecture, config, 'CAUSAL_LM')
      expect(adapted.parameterCounts()).toEqual({ trainable: 0, all })
      expect(() => adapted.addAdapter('default', lora({}))).toThrow(expect.objectContaining({ code: 'target.none' }))
    },
  )
})
