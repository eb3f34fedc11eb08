/** The heads of both versions of DeBERTa. */
import type { TaskType } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { bareModel, type Head } from '../heads/head.js'
import { maskedLM } from '../heads/masked-lm.js'
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
    MASKED_LM: maskedHead(`${className}ForMaskedLM`),
  }
}

// The head that transformers gives both versions unless told otherwise is BERT's; the papers' own always shares the token table.
function maskedHead(className: string): Head {
  const older = maskedLM({
    className,
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    bias: 'cls.predictions.bias',
  })
  const own = maskedLM(
    {
      className,
      dense: 'lm_predictions.lm_head.dense',
      norm: 'lm_predictions.lm_head.LayerNorm',
      decoder: 'lm_predictions.lm_head.decoder',
      bias: 'lm_predictions.lm_head.bias',
    },
    { leavesOutDense: true, alwaysShares: true },
  )
  return (request) => {
    const { base, keys } = request
    if (keys.flag('legacy', true)) return older(request)
    if (!keys.flag('tie_word_embeddings', true)) throw keys.unsupported('tie_word_embeddings', [true])
    if (base.tokenTable().outSize !== base.outSize) throw keys.unsupported('embedding_size', [base.outSize])
    return own(request)
  }
}

function hidden(keys: ConfigKeys): number {
  return keys.rate('hidden_dropout_prob', 0.1)
}
