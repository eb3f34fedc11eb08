/** Heads that give one row of labels per sequence, by which hidden state stands for it. */
import { maybeDropout } from '@espalier/core'

import { labelCount } from '../config/config-keys.js'
import type { EncoderModel } from '../encoder/encoder-model.js'
import { lastTokens } from '../layers/last-token.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headDropout, headLinear } from './head.js'

/** A linear layer without bias over each row's last token that is not padding. */
export function lastTokenClassifier(names: HeadNames): Head {
  return (request) => {
    const padding = request.keys.optionalInteger('pad_token_id')
    return classifier(request, {
      task: 'SEQ_CLS',
      names,
      head: headLinear(request, names.field, labelCount(request.keys), { bias: false }),
      input: (hidden, { ids }) => lastTokens(hidden, ids, padding),
    })
  }
}

/** A linear layer over the pooled first token. */
export function pooledClassifier(names: HeadNames): Head<EncoderModel> {
  return (request) => {
    const rate = headDropout(request.keys)
    return classifier(request, {
      task: 'SEQ_CLS',
      names,
      head: headLinear(request, names.field, labelCount(request.keys), { bias: true }),
      input: (hidden, { base, context }) => maybeDropout(base.pooled(hidden, context), context, rate, 'dropout'),
    })
  }
}
