/** BERT: an encoder with learned positions and token types, and its heads. Source: arXiv:1810.04805 §3. */
import type { Architecture } from '@espalier/core'
import { buildEncoder } from './encoder/encoder-model.js'
import { decodableSettings } from './encoder/encoder-settings.js'
import { architectureOf } from './family.js'
import { bareModel } from './heads/head.js'
import { decodingLM, type MaskedNames, maskedLM } from './heads/masked-lm.js'
import { questionAnswering } from './heads/question-answering.js'
import { pooledClassifier } from './heads/sequence-classification.js'
import { tokenClassifier } from './heads/token-classification.js'

/** BERT with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS, MASKED_LM and, with `is_decoder`, CAUSAL_LM, and the bare model. */
export const bert: Architecture = architectureOf({
  modelType: 'bert',
  baseModelPrefix: 'bert',
  defaultTargets: ['query', 'value'],
  defaults: { pad_token_id: 0 },
  // Files converted from TensorFlow keep its names for the two parts of a norm.
  renameParameter: (name) => name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias'),
  settings: decodableSettings,
  base: (settings, scope, task) =>
    buildEncoder('BertModel', settings, scope, task === 'FEATURE_EXTRACTION' || task === 'SEQ_CLS'),
  heads: {
    FEATURE_EXTRACTION: bareModel,
    SEQ_CLS: pooledClassifier({ className: 'BertForSequenceClassification', field: 'classifier' }),
    TOKEN_CLS: tokenClassifier({ className: 'BertForTokenClassification', field: 'classifier' }),
    QUESTION_ANS: questionAnswering({ className: 'BertForQuestionAnswering', field: 'qa_outputs' }),
    MASKED_LM: maskedLM(vocabularyHead('BertForMaskedLM')),
    CAUSAL_LM: decodingLM(vocabularyHead('BertLMHeadModel')),
  },
})

function vocabularyHead(className: string): MaskedNames {
  return {
    className,
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    bias: 'cls.predictions.bias',
  }
}
