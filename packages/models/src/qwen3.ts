/** Qwen3: Llama whose queries and keys are normed by head. Source: arXiv:2505.09388 §2. */
import type { Architecture } from '@espalier/core'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'
import { answersPrefix, llamaLike, llamaSettings } from './llama.js'
import { qwenWindows } from './qwen2.js'

/** Qwen3 with heads for CAUSAL_LM, SEQ_CLS, TOKEN_CLS and QUESTION_ANS, and the bare model. */
export const qwen3: Architecture = llamaLike({
  modelType: 'qwen3',
  className: 'Qwen3',
  defaults: {
    num_key_value_heads: 32,
    head_dim: 128,
    max_position_embeddings: 32_768,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  settings(keys) {
    const { bias, ...settings } = llamaSettings(keys)
    return { ...settings, bias: { ...bias, inner: false }, normsHeads: true, layers: qwenWindows(keys) }
  },
  taskPrefixes: answersPrefix,
  heads: {
    TOKEN_CLS: tokenClassifier({ className: 'Qwen3ForTokenClassification', field: 'score' }),
    QUESTION_ANS: questionAnswering({ className: 'Qwen3ForQuestionAnswering', field: 'qa_outputs' }),
  },
})
