/** The head that gives labels for every token: (batch, tokens, labels). */
import { maybeDropout } from '@espalier/core'
import { labelCount } from '../config/config-keys.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headDropout, headLinear } from './head.js'

/** A linear layer over every token. */
export function tokenClassifier(names: HeadNames): Head {
  return (request) => {
    const rate = headDropout(request.keys)
    return classifier(request, {
      task: 'TOKEN_CLS',
      names,
      head: headLinear(request, names.field, labelCount(request.keys), { bias: true }),
      input: (hidden, { context }) => maybeDropout(hidden, context, rate, 'dropout'),
    })
  }
}
