/** The head that gives labels for every token: (batch, tokens, labels). */
import { maybeDropout } from '@espalier/core'
import { type ConfigKeys, labelCount } from '../config/config-keys.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headDropout, headLinear } from './head.js'

/** A linear layer over every token. dropout: the rate before it; `headDropout` when left out. */
export function tokenClassifier(
  names: HeadNames,
  { dropout = headDropout }: { readonly dropout?: (keys: ConfigKeys) => number } = {},
): Head {
  return (request) => {
    const rate = dropout(request.keys)
    return classifier(request, {
      task: 'TOKEN_CLS',
      names,
      head: headLinear(request, names.field, labelCount(request.keys), { bias: true }),
      input: (hidden, { context }) => maybeDropout(hidden, context, rate, 'dropout'),
    })
  }
}
