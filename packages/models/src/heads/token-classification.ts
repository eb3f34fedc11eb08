/** The head that gives labels for every token: (batch, tokens, labels). */
import { maybeDropout } from '@espalier/core'
import { type ConfigKeys, labelCount } from '../config/config-keys.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headDropout, headLinear } from './head.js'

/** What distinguishes one such head from another. */
export interface TokenClassifierOptions {
  /** The rate before the layer; `headDropout` when left out. */
  dropout?(keys: ConfigKeys): number
  /** Of initial weights; config.json's `initializer_range` when left out. */
  deviation?(keys: ConfigKeys): number
}

/** A linear layer over every token. */
export function tokenClassifier(
  names: HeadNames,
  { dropout = headDropout, deviation }: TokenClassifierOptions = {},
): Head {
  return (request) => {
    const rate = dropout(request.keys)
    const initial = deviation === undefined ? {} : { deviation: deviation(request.keys) }
    return classifier(request, {
      task: 'TOKEN_CLS',
      names,
      head: headLinear(request, names.field, labelCount(request.keys), { bias: true, ...initial }),
      input: (hidden, { context }) => maybeDropout(hidden, context, rate, 'dropout'),
    })
  }
}
