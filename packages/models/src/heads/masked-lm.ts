/** The head that predicts what was masked: a layer with an activation and a norm, and a projection to the vocabulary. A decoder of the same family writes with it. */
import {
  CausalLM,
  type Context,
  joinPath,
  Linear,
  MaskedLM,
  type ModelSizes,
  Module,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import { type Activation, activationOf } from '../layers/activation.js'
import { type PartNames, partOf, setParts } from '../layers/parts.js'
import type { BareModel } from './bare-model.js'
import { type Head, type HeadRequest, headLinear } from './head.js'

/** Paths of the head's parts in the whole model, and transformers' class of that. */
export interface MaskedNames {
  readonly className: string
  readonly dense: string
  readonly norm: string
  readonly decoder: string
  /** Where the file has the bias of a projection that shares the token table; beside its weight when left out. */
  readonly bias?: string
}

/** What distinguishes one such head from another. */
export interface MaskedOptions {
  /** Of its own layer; config.json's `hidden_act` when left out. */
  activation?(keys: ConfigKeys): Activation
  /** Of its norm; config.json's `layer_norm_eps` when left out. */
  readonly epsilon?: number
  /** Whether transformers takes its own layer for the output, which PEFT's all-linear leaves out. */
  readonly leavesOutDense?: boolean
  /** Whether transformers has no projection with a weight of its own, whatever config.json says. */
  readonly alwaysShares?: boolean
}

/** A head whose own layer is as wide as the token table, which the projection shares unless config.json says otherwise. */
export function maskedLM({ className, ...names }: MaskedNames, options: MaskedOptions = {}): Head {
  return (request) => {
    const { base, keys } = request
    if (base.causal) throw keys.unsupported('is_decoder', [false])
    const { fields, parts, activation } = headOf(request, names, options)
    return new HeadedMaskedLM(className, fields, parts, activation, options)
  }
}

/** The same head over a model that sees no later tokens, as config.json's `is_decoder` makes it: transformers' BertLMHeadModel. */
export function decodingLM({ className, ...names }: MaskedNames, options: MaskedOptions = {}): Head {
  return (request) => {
    const { base, keys } = request
    if (!base.causal) throw keys.unsupported('is_decoder', [true])
    const { fields, parts, activation } = headOf(request, names, options)
    return new DecodingLM(className, fields, parts, activation)
  }
}

function headOf(
  request: HeadRequest,
  names: Omit<MaskedNames, 'className'>,
  { activation = (keys) => activationOf(keys, 'hidden_act', 'gelu'), epsilon }: MaskedOptions,
) {
  const { base, keys, prefix, scope } = request
  const { dense, norm, decoder } = names
  const width = base.tokenTable().outSize
  const parts: MaskedParts = {
    base,
    dense: headLinear(request, dense, width, { bias: true }),
    norm: scope.layerNorm(norm, width, epsilon ?? keys.epsilon('layer_norm_eps', 1e-12)),
    decoder: projection(request, names, width),
  }
  return { fields: { base: prefix, dense, norm, decoder }, parts, activation: activation(keys) }
}

function projection(
  { base, keys, scope }: HeadRequest,
  { decoder, bias = `${decoder}.bias` }: Omit<MaskedNames, 'className'>,
  width: number,
): Linear {
  const { vocabularySize } = base.sizes
  if (keys.flag('tie_word_embeddings', true))
    return new Linear(base.tokenTable().weight, scope.parameter(bias, [vocabularySize], { fill: 0 }))
  return scope.linear(decoder, width, vocabularySize, {
    bias: true,
    deviation: keys.number('initializer_range', 0.02),
  })
}

interface MaskedParts {
  readonly base: BareModel
  readonly dense: Module
  readonly norm: Module
  readonly decoder: Module
}

class HeadedMaskedLM extends MaskedLM {
  constructor(
    readonly className: string,
    readonly names: PartNames<MaskedParts>,
    parts: MaskedParts,
    readonly activation: Activation,
    readonly options: Pick<MaskedOptions, 'leavesOutDense' | 'alwaysShares'>,
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

  override get untiedConfig() {
    return this.options.alwaysShares === true ? null : super.untiedConfig
  }

  hidden(ids: Tensor, context: Context): Tensor {
    return this.base.forward(ids, context)
  }

  predict(hidden: Tensor, context: Context): Tensor {
    return new TransformedHead(this.part('dense'), this.part('norm'), this.part('decoder'), this.activation).forward(
      hidden,
      context,
    )
  }

  outputLayers(): readonly Module[] {
    return this.options.leavesOutDense === true ? [this.part('dense'), this.part('decoder')] : [this.part('decoder')]
  }

  private get base(): BareModel {
    return partOf<BareModel>(this, this.names.base)
  }

  private part(role: keyof MaskedParts): Module {
    return partOf(this, this.names[role])
  }
}

class DecodingLM extends CausalLM {
  constructor(
    readonly className: string,
    readonly names: PartNames<MaskedParts>,
    parts: MaskedParts,
    readonly activation: Activation,
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
    return new TransformedHead(this.part('dense'), this.part('norm'), this.part('decoder'), this.activation)
  }

  override outputLayers(): readonly Module[] {
    return [this.part('decoder')]
  }

  private get base(): BareModel {
    return partOf<BareModel>(this, this.names.base)
  }

  private part(role: keyof MaskedParts): Module {
    return partOf(this, this.names[role])
  }
}

/** hidden (..., hidden) -> logits (..., vocabulary). */
class TransformedHead extends Module {
  constructor(
    readonly dense: Module,
    readonly norm: Module,
    readonly decoder: Module,
    readonly activation: Activation,
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const wide = this.activation(this.dense.forward(x, context))
    return this.decoder.forward(this.norm.forward(wide, context), context)
  }
}
