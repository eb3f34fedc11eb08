/** RoBERTa: BERT with positions that skip padding and heads of its own. Source: arXiv:1907.11692 §3. */
import { type Architecture, gelu, type Tensor } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { buildEncoder } from './encoder/encoder-model.js'
import { decodableSettings, type EncoderSettings } from './encoder/encoder-settings.js'
import { positionsAfterPadding } from './encoder/positions.js'
import { architectureOf } from './family.js'
import { firstTokenClassifier } from './heads/first-token-classifier.js'
import { bareModel } from './heads/head.js'
import { decodingLM, maskedLM } from './heads/masked-lm.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'

/** RoBERTa with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS, MASKED_LM and, with `is_decoder`, CAUSAL_LM, and the bare model. */
export const roberta: Architecture = robertaLike({ modelType: 'roberta', className: 'Roberta' })

/** A family that is RoBERTa under another name. className: what transformers' classes begin with. */
export function robertaLike({
  modelType,
  className,
}: {
  readonly modelType: string
  readonly className: string
}): Architecture {
  const vocabularyHead = {
    dense: 'lm_head.dense',
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    bias: 'lm_head.bias',
  }
  const withGelu = { activation: () => (x: Tensor) => gelu(x) }
  return architectureOf({
    modelType,
    baseModelPrefix: 'roberta',
    defaultTargets: ['query', 'value'],
    defaults: { pad_token_id: 1 },
    settings: robertaSettings,
    base: (settings, scope, task) => buildEncoder(`${className}Model`, settings, scope, task === 'FEATURE_EXTRACTION'),
    heads: {
      FEATURE_EXTRACTION: bareModel,
      SEQ_CLS: firstTokenClassifier({ className: `${className}ForSequenceClassification`, field: 'classifier' }),
      TOKEN_CLS: tokenClassifier({ className: `${className}ForTokenClassification`, field: 'classifier' }),
      QUESTION_ANS: questionAnswering({ className: `${className}ForQuestionAnswering`, field: 'qa_outputs' }),
      MASKED_LM: maskedLM({ className: `${className}ForMaskedLM`, ...vocabularyHead }, withGelu),
      CAUSAL_LM: decodingLM({ className: `${className}ForCausalLM`, ...vocabularyHead }, withGelu),
    },
  })
}

// The first rows of the table, up to the padding id, are never a token's position.
function robertaSettings(keys: ConfigKeys): EncoderSettings {
  const read = decodableSettings(keys)
  const { padding, sizes } = read
  if (padding === null || padding < 0) throw keys.unsupported('pad_token_id', ['a token id'])
  const { rows } = read.positions
  if (padding + 1 >= rows)
    throw keys.conflict('the padding id leaves no position for tokens', {
      pad_token_id: padding,
      max_position_embeddings: rows,
    })
  return {
    ...read,
    sizes: { ...sizes, maxPositions: rows - padding - 1 },
    positions: { rows, padding, count: positionsAfterPadding(padding) },
  }
}
