/**
 * Disentangled attention: a score is the sum of content to content, content to position and position to content. Source: arXiv:2006.03654
 * §3.1.
 */
import {
  type AttendOptions,
  add,
  attend,
  type Context,
  cast,
  gatherRows,
  iota,
  joinHeads,
  Module,
  matmul,
  maybeDropout,
  mul,
  type ParameterScope,
  permute,
  reduceSum,
  reshape,
  select,
  type Tensor,
} from '@espalier/core'
import type { Projected } from '../decoder/attention.js'
import type { DebertaSettings } from './settings.js'

/** What an encoder hands its layers besides the context. */
export interface DistanceContext extends Context {
  /** Embeddings of distances (1, rows, hidden), and the row of each query and key (queries, keys) i32. */
  readonly distances?: { readonly rows: Tensor; readonly index: Tensor }
}

/** What one layer's attention is made with besides its projections. */
export interface DisentangledSettings extends AttendOptions {
  readonly heads: number
  readonly kinds: DebertaSettings['kinds']
  /** Of the embeddings of distances. */
  readonly distanceDropout: { readonly rate: number; readonly site: string }
}

/** The settings of a layer's attention in its scope. Scores are scaled by how many terms they have. */
export function disentangled(
  { sizes, kinds, dropout, attentionDropout }: DebertaSettings,
  { path }: ParameterScope,
  layer: number,
): DisentangledSettings {
  const terms = 1 + Number(kinds.contentToPosition) + Number(kinds.positionToContent)
  return {
    layer,
    heads: sizes.headCount,
    kinds,
    scale: (sizes.headSize * terms) ** -0.5,
    dropout: { rate: attentionDropout, site: `${path}.dropout` },
    distanceDropout: { rate: dropout, site: `${path}.pos_dropout` },
  }
}

/** x (batch, tokens, hidden) -> joined heads, same shape. */
export abstract class DisentangledAttention extends Module {
  abstract readonly settings: DisentangledSettings

  /** x (batch, tokens, hidden) -> queries, keys and values (batch, heads, tokens, size). */
  abstract project(x: Tensor, context: Context): Projected

  /** Embeddings of distances (1, rows, hidden) as keys for the content's queries, (1, heads, rows, size); null: no such term. */
  abstract distanceKeys(rows: Tensor, context: Context): Tensor | null

  /** The same as queries for the content's keys. */
  abstract distanceQueries(rows: Tensor, context: Context): Tensor | null

  forward(x: Tensor, context: DistanceContext): Tensor {
    const [q, k, v] = this.project(x, context)
    const bias = this.biasOf(q, k, context)
    const own = bias === undefined ? context : { ...context, bias: () => bias }
    return joinHeads(padded(attend(q, k, v, own, this.settings), v, context.mask.keep))
  }

  private biasOf(q: Tensor, k: Tensor, context: DistanceContext): Tensor | undefined {
    const { distances } = context
    if (distances === undefined) return undefined
    const { scale, kinds, distanceDropout } = this.settings
    const { index } = distances
    const rows = maybeDropout(distances.rows, context, distanceDropout.rate, distanceDropout.site)
    const keys = kinds.contentToPosition ? this.distanceKeys(rows, context) : null
    const queries = kinds.positionToContent ? this.distanceQueries(rows, context) : null
    const [batch, heads, tokens] = q.shape as [number, number, number]
    // As rows of all heads side by side: one gather for (queries, keys), whatever the batch.
    const terms = [
      ...(keys === null ? [] : [picked(matmul(q, keys, { transposeB: true }), index, 0)]),
      ...(queries === null ? [] : [picked(matmul(k, queries, { transposeB: true }), index, 1)]),
    ]
    if (terms.length === 0) return undefined
    const sum = terms.reduce((a, b) => add(a, b)) // (queries, keys, batch * heads)
    return mul(reshape(permute(sum, [2, 0, 1]), [batch, heads, tokens, tokens]), scale)
  }
}

// Scores (batch, heads, tokens, rows) at each pair's row: (queries, keys, batch * heads). axis: where the pair's own token is in the index.
function picked(scores: Tensor, index: Tensor, axis: 0 | 1): Tensor {
  const [batch, heads, tokens, rows] = scores.shape as [number, number, number, number]
  const table = reshape(permute(scores, [2, 3, 0, 1]), [tokens * rows, batch * heads])
  return gatherRows(table, add(mul(iota([tokens, tokens], axis), rows), index))
}

// transformers hides all keys from padding, whose softmax then is the same everywhere: padding reads the mean of all values.
function padded(attended: Tensor, v: Tensor, keep: Tensor | undefined): Tensor {
  if (keep === undefined) return attended
  const [batch, , tokens] = v.shape as [number, number, number]
  const mean = mul(reduceSum(cast(v, 'f32'), { axes: [2], keepDims: true }), 1 / tokens)
  return select(reshape(keep, [batch, 1, tokens, 1]), attended, cast(mean, v.dtype))
}
