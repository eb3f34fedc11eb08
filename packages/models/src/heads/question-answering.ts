/** The head that finds an answer in the text: logits of its start and its end for every token, (batch, tokens, 2). */
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headLinear } from './head.js'

/** A linear layer over every token. */
export function questionAnswering(names: HeadNames): Head {
  return (request) =>
    classifier(request, {
      task: 'QUESTION_ANS',
      names,
      head: headLinear(request, names.field, 2, { bias: true }),
      input: (hidden) => hidden,
    })
}
