/** Qwen3 as a mixture of experts, in all layers or some of them. Source: arXiv:2505.09388 §2. */
import type { Architecture, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { mixtureSettings, type SparseSettings } from './config/mixture-settings.js'
import { sparseMoe } from './decoder/sparse-moe.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { answersPrefix, gatedMlp, llamaLike, llamaSettings } from './llama.js'

/** Qwen3-MoE with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const qwen3Moe: Architecture = llamaLike<Qwen3MoeSettings>({
  modelType: 'qwen3_moe',
  className: 'Qwen3Moe',
  defaultTargets: [],
  defaults: {
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
    sliding_window: 4096,
    num_experts_per_tok: 8,
    num_experts: 128,
    moe_intermediate_size: 768,
  },
  aliases: { num_local_experts: 'num_experts' },
  settings: qwen3MoeSettings,
  taskPrefixes: answersPrefix,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'Qwen3MoeForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'Qwen3MoeForQuestionAnswering', field: 'qa_outputs' }),
  },
  parts: {
    inner: (settings, scope, layer) =>
      settings.isSparse(layer)
        ? sparseMoe({ ...settings.mixture, files: filesAt(scope) }, scope)
        : gatedMlp(settings, scope),
  },
})

interface Qwen3MoeSettings extends SparseSettings {
  /** Whether a layer is a mixture. */
  isSparse(layer: number): boolean
}

function qwen3MoeSettings(keys: ConfigKeys): Qwen3MoeSettings {
  const { bias, ...settings } = llamaSettings(keys)
  const expertCount = keys.optionalParts('num_experts')
  const step = keys.size('decoder_sparse_step', 1)
  const dense = keys.has('mlp_only_layers') ? keys.numbers('mlp_only_layers') : []
  const hasWindow = keys.flag('use_sliding_window', false) && keys.has('sliding_window')
  const window = hasWindow ? keys.size('sliding_window') : null
  const mixture = mixtureSettings(keys, {
    ...settings,
    innerSize: keys.size('moe_intermediate_size'),
    expertCount,
    isNormalized: keys.flag('norm_topk_prob', false),
  })
  return {
    ...settings,
    bias: { ...bias, inner: false },
    normsHeads: true,
    layers: Array.from({ length: settings.sizes.layerCount }, () => ({ window })),
    mixture,
    isSparse: (layer) => expertCount > 0 && !dense.includes(layer) && (layer + 1) % step === 0,
  }
}

function filesAt({ path }: ParameterScope) {
  return {
    router: `${path}.gate.weight`,
    expert(index: number) {
      const own = `${path}.experts.${index}`
      return { gate: `${own}.gate_proj.weight`, up: `${own}.up_proj.weight`, down: `${own}.down_proj.weight` }
    },
  }
}
