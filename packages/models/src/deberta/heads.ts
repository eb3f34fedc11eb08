/** The heads of both versions of DeBERTa. */
import type { TaskType } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { bareModel, type Head } from '../heads/head.js'
import { poolingClassifier } from '../heads/pooling-classifier.js'
import { questionAnswering } from '../heads/question-answering.js'
import { tokenClassifier } from '../heads/token-classification.js'
import { activationOf } from '../layers/activation.js'

/** The heads under classes that begin with `className`. */
export function debertaHeads(className: string): Readonly<Partial<Record<TaskType, Head>>> {
  const names = (kind: string, field: string) => ({ className: `${className}For${kind}`, field })
  return {
    FEATURE_EXTRACTION: bareModel,
    SEQ_CLS: poolingClassifier(names('SequenceClassification', 'classifier'), {
      path: 'pooler.dense',
      activation: (keys) => activationOf(keys, 'pooler_hidden_act', 'gelu'),
      rates: (keys) => [keys.rate('pooler_dropout'), keys.has('cls_dropout') ? keys.rate('cls_dropout') : hidden(keys)],
    }),
    TOKEN_CLS: tokenClassifier(names('TokenClassification', 'classifier'), { dropout: hidden }),
    QUESTION_ANS: questionAnswering(names('QuestionAnswering', 'qa_outputs')),
  }
}

function hidden(keys: ConfigKeys): number {
  return keys.rate('hidden_dropout_prob', 0.1)
}
