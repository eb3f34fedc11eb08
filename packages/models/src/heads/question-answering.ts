/** The head that finds an answer in the text: logits of its start and its end for every token, (batch, tokens, 2). */
import { maybeDropout } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headLinear } from './head.js'

/** A linear layer over every token. dropout: the rate before it; none when left out. */
export function questionAnswering(
  names: HeadNames,
  { dropout }: { readonly dropout?: (keys: ConfigKeys) => number } = {},
): Head {
  return (request) => {
    const rate = dropout?.(request.keys) ?? 0
    return classifier(request, {
      task: 'QUESTION_ANS',
      names,
      head: headLinear(request, names.field, 2, { bias: true }),
      input: (hidden, { context }) => maybeDropout(hidden, context, rate, 'dropout'),
    })
  }
}
