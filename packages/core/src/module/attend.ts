/** Attention of a layer under a context: with or without a key/value cache. Projections and positions are the model's. */

import { constant } from '../graph/ops/constant.js'
import { input } from '../graph/ops/input.js'
import { permute } from '../graph/ops/permute.js'
import { reshape } from '../graph/ops/reshape.js'
import { writeRows } from '../graph/ops/write-rows.js'
import type { Tensor } from '../graph/tensor.js'
import { attention } from '../nn/attention.js'
import { cachedAttention } from '../nn/cached-attention.js'
import type { Context } from './context.js'

/** Settings of one layer's attention. `layer` names its cache slots; `window`: keys seen, the query's own included. */
export interface AttendOptions {
  readonly layer: number
  readonly scale: number
  readonly window?: number | null
}

/** Name of a layer's cache slot. */
export function cacheSlot(layer: number, part: 'key' | 'value'): string {
  return `cache.${layer}.${part}`
}

/** q (batch, heads, tokens, size), k and v (batch, groups, tokens, size) -> (batch, heads, tokens, size). Records the cache's updates. */
export function attend(q: Tensor, k: Tensor, v: Tensor, context: Context, options: AttendOptions): Tensor {
  const { layer, scale, window = null } = options
  const { cache, mask, trace } = context
  if (cache === undefined) return attention(q, k, v, { scale, causal: mask.causal, window }, mask.keep)
  const slots = [k.shape[0] as number, k.shape[1] as number, cache.slots, k.shape[3] as number]
  const store = (part: 'key' | 'value', rows: Tensor) => {
    const buffer = input('state', cacheSlot(layer, part), k.dtype, slots)
    trace.updates.set(cacheSlot(layer, part), writeRows(buffer, cache.filled ?? constant(0, 'i32'), rows, 2))
    return buffer
  }
  const [cachedK, cachedV] = [store('key', k), store('value', v)]
  if (cache.filled === undefined) return attention(q, k, v, { scale, causal: true, window }, mask.keep)
  return cachedAttention([q, cachedK, cachedV, k, v, cache.filled, cache.keep], { scale, window })
}

/** (batch, tokens, heads * size) -> (batch, heads, tokens, size). */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number]
  return permute(reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3])
}

/** (batch, heads, tokens, size) -> (batch, tokens, heads * size). */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, tokens, size] = x.shape as [number, number, number, number]
  return reshape(permute(x, [0, 2, 1, 3]), [batch, tokens, heads * size])
}
