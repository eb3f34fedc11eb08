/** ELECTRA: BERT over narrower tables, and a head of its own for rows. Source: arXiv:2003.10555 §3. */
import { type Architecture, gelu, type Tensor } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { buildEncoder } from './encoder/encoder-model.js'
import { decodableSettings, type EncoderSettings } from './encoder/encoder-settings.js'
import { architectureOf } from './family.js'
import { firstTokenClassifier } from './heads/first-token-classifier.js'
import { bareModel } from './heads/head.js'
import { decodingLM, maskedLM } from './heads/masked-lm.js'
import { questionAnswering } from './heads/question-answering.js'
import { tokenClassifier } from './heads/token-classification.js'

const generator = {
  dense: 'generator_predictions.dense',
  norm: 'generator_predictions.LayerNorm',
  decoder: 'generator_lm_head',
}
const withGelu = { activation: () => (x: Tensor) => gelu(x) }

/** ELECTRA with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS, MASKED_LM (the generator) and, with `is_decoder`, CAUSAL_LM, and the bare model, which has no pooler. */
export const electra: Architecture = architectureOf({
  modelType: 'electra',
  baseModelPrefix: 'electra',
  defaultTargets: ['query', 'value'],
  defaults: { pad_token_id: 0, embedding_size: 128 },
  settings: electraSettings,
  base: (settings, scope) => buildEncoder('ElectraModel', settings, scope, false),
  heads: {
    FEATURE_EXTRACTION: bareModel,
    SEQ_CLS: firstTokenClassifier(
      { className: 'ElectraForSequenceClassification', field: 'classifier' },
      { activation: (x) => gelu(x) },
    ),
    TOKEN_CLS: tokenClassifier({ className: 'ElectraForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'ElectraForQuestionAnswering', field: 'qa_outputs' }),
    MASKED_LM: maskedLM({ className: 'ElectraForMaskedLM', ...generator }, withGelu),
    CAUSAL_LM: decodingLM({ className: 'ElectraForCausalLM', ...generator }, withGelu),
  },
})

function electraSettings(keys: ConfigKeys): EncoderSettings {
  return { ...decodableSettings(keys), embeddingSize: keys.size('embedding_size') }
}
