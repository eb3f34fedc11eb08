/** The head that gives one row of labels per sequence through a layer of its own over one token, the first unless a family has another. */
import { type Context, Module, maybeDropout, type Tensor, tanh } from '@espalier/core'
import { labelCount } from '../config/config-keys.js'
import type { Activation } from '../layers/activation.js'
import { firstTokens } from '../layers/first-token.js'
import type { BareModel } from './bare-model.js'
import { classifier, type HeadInput } from './classifier.js'
import { type Head, type HeadNames, headDropout, headLinear } from './head.js'

/** What distinguishes one such head from another. */
export interface FirstTokenOptions {
  /** The token that it reads; the first when left out. */
  readonly input?: HeadInput<BareModel>
  /** Of its own layer; tanh when left out. */
  readonly activation?: Activation
  /** Of initial weights; config.json's `initializer_range` when left out. */
  readonly deviation?: number
}

/** A linear layer with an activation and another one to the labels, with dropout before each. */
export function firstTokenClassifier(
  names: HeadNames,
  { input = firstTokens, activation = tanh, ...initial }: FirstTokenOptions = {},
): Head {
  return (request) => {
    const { base, keys } = request
    const head = new ClassificationHead(
      headLinear(request, `${names.field}.dense`, base.sizes.hiddenSize, { bias: true, ...initial }),
      headLinear(request, `${names.field}.out_proj`, labelCount(keys), { bias: true, ...initial }),
      activation,
      headDropout(keys),
      `${names.field}.dropout`,
    )
    return classifier(request, { task: 'SEQ_CLS', names, head, input })
  }
}

/** tokens (batch, hidden) -> (batch, labels). */
class ClassificationHead extends Module {
  constructor(
    readonly dense: Module,
    readonly out_proj: Module,
    readonly activation: Activation,
    readonly rate: number,
    readonly site: string,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const wide = this.dense.forward(maybeDropout(x, context, this.rate, `${this.site}.0`), context)
    return this.out_proj.forward(maybeDropout(this.activation(wide), context, this.rate, `${this.site}.1`), context)
  }
}
