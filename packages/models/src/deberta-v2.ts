/**
 * DeBERTa, second and third version: buckets of distances, whose embeddings the layers' own projections may read, and a convolution beside
 * the first layer. Source: arXiv:2111.09543 §4; arXiv:2006.03654 §3.
 */
import {
  type Architecture,
  type Context,
  type Module,
  type ParameterScope,
  splitHeads,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { DisentangledAttention, type DisentangledSettings, disentangled } from './deberta/attention.js'
import { buildConvolution, type ConvolutionSettings, convolutionSettings } from './deberta/convolution.js'
import { debertaHeads } from './deberta/heads.js'
import { buildDeberta } from './deberta/model.js'
import { type DebertaSettings, debertaSettings, farthestDistance } from './deberta/settings.js'
import type { Projected } from './decoder/attention.js'
import type { EncoderModel } from './encoder/encoder-model.js'
import { architectureOf } from './family.js'

/** DeBERTa-v2 and v3 with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS and MASKED_LM, and the bare model. */
export const debertaV2: Architecture = architectureOf<DebertaV2Settings, EncoderModel>({
  modelType: 'deberta-v2',
  baseModelPrefix: 'deberta',
  defaultTargets: ['query_proj', 'value_proj'],
  defaults: { pad_token_id: 0, layer_norm_eps: 1e-7 },
  settings: debertaV2Settings,
  base: (settings, scope) =>
    buildDeberta('DebertaV2Model', settings, scope, {
      attention: (own, layer) => buildAttention(settings, own, layer),
      norm: (own) =>
        settings.normsDistances ? own.layerNorm('LayerNorm', settings.sizes.hiddenSize, settings.epsilon) : null,
      convolution: (own) =>
        settings.convolution === null ? null : buildConvolution(settings.convolution, settings, own.at('conv')),
    }),
  heads: debertaHeads('DebertaV2'),
})

interface DebertaV2Settings extends DebertaSettings {
  readonly normsDistances: boolean
  readonly convolution: ConvolutionSettings | null
  /** Whether the layers' projections of content serve distances too. */
  readonly sharesProjections: boolean
}

function debertaV2Settings(keys: ConfigKeys): DebertaV2Settings {
  const read = debertaSettings(keys)
  const count = keys.optionalInteger('position_buckets') ?? -1
  if (count === 1) throw keys.unsupported('position_buckets', [-1, '2 or more'])
  const inBuckets = read.distances !== null && count > 0
  const norms = keys.text('norm_rel_ebd', 'none').toLowerCase().split('|')
  return {
    ...read,
    distances: inBuckets ? { span: count, buckets: { count, farthest: farthestDistance(keys) } } : read.distances,
    normsDistances: norms.some((name) => name.trim() === 'layer_norm'),
    convolution: convolutionSettings(keys),
    sharesProjections: keys.flag('share_att_key', false),
  }
}

/** x (batch, tokens, hidden) -> joined heads, same shape. */
class DebertaV2Attention extends DisentangledAttention {
  constructor(
    readonly query_proj: Module,
    readonly key_proj: Module,
    readonly value_proj: Module,
    readonly pos_key_proj: Module | null,
    readonly pos_query_proj: Module | null,
    readonly settings: DisentangledSettings,
  ) {
    super()
  }

  project(x: Tensor, context: Context): Projected {
    const { query_proj: query, key_proj: key, value_proj: value } = this
    return [this.split(query, x, context), this.split(key, x, context), this.split(value, x, context)]
  }

  distanceKeys(rows: Tensor, context: Context): Tensor {
    return this.split(this.pos_key_proj ?? this.key_proj, rows, context)
  }

  distanceQueries(rows: Tensor, context: Context): Tensor {
    return this.split(this.pos_query_proj ?? this.query_proj, rows, context)
  }

  private split(projection: Module, x: Tensor, context: Context): Tensor {
    return splitHeads(projection.forward(x, context), this.settings.heads)
  }
}

function buildAttention(settings: DebertaV2Settings, scope: ParameterScope, layer: number): Module {
  const { sizes, deviation, distances, kinds, sharesProjections } = settings
  const project = (name: string) => scope.linear(name, sizes.hiddenSize, sizes.hiddenSize, { bias: true, deviation })
  const own = (name: string, isRead: boolean) =>
    isRead && distances !== null && !sharesProjections ? project(name) : null
  return new DebertaV2Attention(
    project('query_proj'),
    project('key_proj'),
    project('value_proj'),
    own('pos_key_proj', kinds.contentToPosition),
    own('pos_query_proj', kinds.positionToContent),
    disentangled(settings, scope, layer),
  )
}
