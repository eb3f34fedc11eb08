/** Heads as values: a family names the heads that it has, and each is made over the bare model in the same way. */
import type { Linear, Model, Module, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'
import type { BareModel } from './bare-model.js'

/** What a head is made from. */
export interface HeadRequest<Base extends BareModel = BareModel> {
  readonly base: Base
  /** The field of the bare model, such as `model` or `transformer`. */
  readonly prefix: string
  readonly keys: ConfigKeys
  /** The whole model's scope. */
  readonly scope: ParameterScope
}

/** Makes a model with a head. */
export type Head<Base extends BareModel = BareModel> = (request: HeadRequest<Base>) => Model

/** Names of a head: transformers' class of the whole model, and the head's field. */
export interface HeadNames {
  readonly className: string
  readonly field: string
}

/** The two children of a model with a head. */
export interface HeadedParts<Base extends BareModel = BareModel> {
  readonly base: Base
  readonly head: Module
}

/** No head: the bare model itself. */
export const bareModel: Head = ({ base }) => base

/** The dropout before a classifier: `classifier_dropout`, else that of hidden states. */
export function headDropout(keys: ConfigKeys): number {
  const key = ['classifier_dropout', 'hidden_dropout_prob', 'hidden_dropout'].find((name) => keys.has(name))
  return key === undefined ? 0.1 : keys.rate(key)
}

/** A head's linear layer from hidden states to `outSize`. deviation: of initial weights, the configuration's when left out. */
export function headLinear(
  { base, keys, scope }: HeadRequest,
  field: string,
  outSize: number,
  { bias, deviation = keys.number('initializer_range', 0.02) }: { readonly bias: boolean; readonly deviation?: number },
): Linear {
  return scope.linear(field, base.outSize, outSize, { bias, deviation })
}

/** A head of a task that the family's `base` makes this kind of bare model for, in a family that has several. */
export function overBase<Base extends BareModel>(head: Head<Base>): Head {
  return (request) => head(request as HeadRequest<Base>)
}
