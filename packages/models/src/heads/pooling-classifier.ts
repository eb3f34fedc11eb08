/** The head that gives one row of labels per sequence from what a layer of the whole model, beside the bare one, makes of the first token. */
import { maybeDropout } from '@espalier/core'
import { type ConfigKeys, labelCount } from '../config/config-keys.js'
import type { Activation } from '../layers/activation.js'
import { firstTokens } from '../layers/first-token.js'
import { classifier } from './classifier.js'
import { type Head, type HeadNames, headLinear } from './head.js'

/** The layer that pools. */
export interface PoolingOptions {
  /** Its path: `pre_classifier` or `pooler.dense`. */
  readonly path: string
  activation(keys: ConfigKeys): Activation
  /** Dropout before the layer and before the labels. */
  rates(keys: ConfigKeys): readonly [number, number]
}

/** A linear layer with an activation over the first token, and another one to the labels. */
export function poolingClassifier(names: HeadNames, { path, activation, rates }: PoolingOptions): Head {
  return (request) => {
    const { base, keys } = request
    const [before, after] = rates(keys)
    const activate = activation(keys)
    return classifier(request, {
      task: 'SEQ_CLS',
      names,
      pooler: { path, module: headLinear(request, path, base.outSize, { bias: true }) },
      head: headLinear(request, names.field, labelCount(keys), { bias: true }),
      input: (hidden, { pooler, context }) => {
        const first = maybeDropout(firstTokens(hidden), context, before, `${path}.dropout`)
        const pooled = pooler === null ? first : activate(pooler.forward(first, context))
        return maybeDropout(pooled, context, after, 'dropout')
      },
    })
  }
}
