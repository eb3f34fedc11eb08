/** The head that predicts the next token: a projection of the last hidden states to the vocabulary. */
import {
  CappedHead,
  CausalLM,
  type Context,
  joinPath,
  Linear,
  type ModelSizes,
  type Module,
  type Tensor,
} from '@espalier/core'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import type { BareModel } from './bare-model.js'
import { type Head, type HeadedParts, type HeadNames, headLinear } from './head.js'

/** What heads of families differ in. */
export interface CausalLMOptions {
  /** Whether the projection has a bias. */
  readonly bias?: boolean
  /** The key of config.json that caps logits: they become cap * tanh(logit / cap). Source: arXiv:2408.00118 §2. */
  readonly softCapKey?: string
}

/** A projection, which may share the token table. */
export function causalLM({ className, field }: HeadNames, options: CausalLMOptions = {}): Head {
  const { bias = false, softCapKey } = options
  return (request) => {
    const { base, keys, prefix, scope } = request
    const { vocabularySize } = base.sizes
    const ownBias = () => (bias ? scope.at(field).parameter('bias', [vocabularySize], { fill: 0 }) : null)
    const head = keys.flag('tie_word_embeddings', false)
      ? new Linear(base.tokenTable().weight, ownBias())
      : headLinear(request, field, vocabularySize, { bias })
    const softCap = softCapKey === undefined ? null : keys.optionalPositive(softCapKey)
    const balances = keys.flag('output_router_logits', false)
    const settings = { softCap, routing: balances ? keys.number('router_aux_loss_coef', 0.001) : 0 }
    return new HeadedCausalLM(className, { base: prefix, head: field }, { base, head }, settings)
  }
}

class HeadedCausalLM extends CausalLM {
  constructor(
    readonly className: string,
    readonly names: PartNames<HeadedParts>,
    parts: HeadedParts,
    readonly settings: { readonly softCap: number | null; readonly routing: number },
  ) {
    super()
    setParts(this, names, parts)
  }

  get sizes(): ModelSizes {
    return this.base.sizes
  }

  override get layerPaths(): readonly string[] {
    return this.base.layerPaths.map((path) => joinPath(this.names.base, path))
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.base.forward(ids, context)
  }

  head(): Module {
    const projection = partOf(this, this.names.head)
    const { softCap } = this.settings
    return softCap === null ? projection : new CappedHead(projection, softCap)
  }

  override get routingCoefficient(): number {
    return this.settings.routing
  }

  private get base(): BareModel {
    return partOf<BareModel>(this, this.names.base)
  }
}
