/** DeBERTa, first version: one product makes queries, keys and values, and distances have projections of their own. Source: arXiv:2006.03654 §3. */
import {
  type Architecture,
  add,
  type Context,
  cast,
  type Module,
  type Parameter,
  type ParameterScope,
  permute,
  reshape,
  sliceAxis,
  splitHeads,
  type Tensor,
} from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { DisentangledAttention, type DisentangledSettings, disentangled } from './deberta/attention.js'
import { debertaHeads } from './deberta/heads.js'
import { buildDeberta } from './deberta/model.js'
import { type DebertaSettings, debertaSettings } from './deberta/settings.js'
import type { Projected } from './decoder/attention.js'
import type { EncoderModel } from './encoder/encoder-model.js'
import { architectureOf } from './family.js'

/** DeBERTa with heads for SEQ_CLS, TOKEN_CLS, QUESTION_ANS and MASKED_LM, and the bare model. */
export const deberta: Architecture = architectureOf<DebertaSettings, EncoderModel>({
  modelType: 'deberta',
  baseModelPrefix: 'deberta',
  defaultTargets: ['in_proj'],
  defaults: { pad_token_id: 0, layer_norm_eps: 1e-7 },
  settings(keys: ConfigKeys) {
    if (keys.flag('talking_head', false)) throw keys.unsupported('talking_head', [false])
    return debertaSettings(keys)
  },
  base: (settings, scope) =>
    buildDeberta('DebertaModel', settings, scope, {
      attention: (own, layer) => buildAttention(settings, own, layer),
    }),
  heads: debertaHeads('Deberta'),
})

/** x (batch, tokens, hidden) -> joined heads, same shape. */
class DebertaAttention extends DisentangledAttention {
  constructor(
    readonly in_proj: Module,
    readonly q_bias: Parameter,
    readonly v_bias: Parameter,
    readonly pos_proj: Module | null,
    readonly pos_q_proj: Module | null,
    readonly settings: DisentangledSettings,
  ) {
    super()
  }

  // Each head's query, key and value lie side by side.
  project(x: Tensor, context: Context): Projected {
    const all = this.in_proj.forward(x, context)
    const [batch, tokens, width] = all.shape as [number, number, number]
    const { heads } = this.settings
    const size = width / (3 * heads)
    const byHead = reshape(all, [batch, tokens, heads, 3 * size])
    const part = (i: number) => permute(sliceAxis(byHead, 3, i * size, (i + 1) * size), [0, 2, 1, 3])
    const shift = ({ value }: Parameter) => cast(reshape(value, [1, heads, 1, size]), all.dtype)
    return [add(part(0), shift(this.q_bias)), part(1), add(part(2), shift(this.v_bias))]
  }

  distanceKeys(rows: Tensor, context: Context): Tensor | null {
    return this.pos_proj === null ? null : splitHeads(this.pos_proj.forward(rows, context), this.settings.heads)
  }

  distanceQueries(rows: Tensor, context: Context): Tensor | null {
    return this.pos_q_proj === null ? null : splitHeads(this.pos_q_proj.forward(rows, context), this.settings.heads)
  }
}

function buildAttention(settings: DebertaSettings, scope: ParameterScope, layer: number): Module {
  const { sizes, deviation, distances, kinds } = settings
  const { hiddenSize: size } = sizes
  const isRead = (kind: boolean) => kind && distances !== null
  return new DebertaAttention(
    scope.linear('in_proj', size, 3 * size, { bias: false, deviation }),
    scope.parameter('q_bias', [size], { fill: 0 }),
    scope.parameter('v_bias', [size], { fill: 0 }),
    isRead(kinds.contentToPosition) ? scope.linear('pos_proj', size, size, { bias: false, deviation }) : null,
    isRead(kinds.positionToContent) ? scope.linear('pos_q_proj', size, size, { bias: true, deviation }) : null,
    disentangled(settings, scope, layer),
  )
}
