/** Attention of a layer under a context: with or without a key/value cache. Projections and positions are the model's. */

import { EspalierError } from '../errors.js'
import { add } from '../graph/ops/binary.js'
import { concat } from '../graph/ops/concat.js'
import { constant } from '../graph/ops/constant.js'
import { input } from '../graph/ops/input.js'
import { iota } from '../graph/ops/iota.js'
import { permute } from '../graph/ops/permute.js'
import { reshape } from '../graph/ops/reshape.js'
import { sliceAxis } from '../graph/ops/slice.js'
import { writeRows } from '../graph/ops/write-rows.js'
import type { Tensor } from '../graph/tensor.js'
import { type AttentionExtras, attention } from '../nn/attention.js'
import { cachedAttention } from '../nn/cached-attention.js'
import { cacheSlot } from './cache-slots.js'
import type { CacheContext, Context } from './context.js'

/** Settings of one layer's attention. `layer` names its cache slots; `window`: keys seen, the query's own included. */
export interface AttendOptions {
  readonly layer: number
  readonly scale: number
  readonly window?: number | null
  /** Scores become cap * tanh(score / cap). */
  readonly softCap?: number
  /** Scores of one more key of each head, which has no value: (heads). */
  readonly sinks?: Tensor
  /** In a pass with a seed, zeroes a share `rate` of the probabilities. site: a module path. */
  readonly dropout?: { readonly rate: number; readonly site: string }
}

/** q (batch, heads, tokens, size), k and v (batch, groups, tokens, size) -> (batch, heads, tokens, size). Records the cache's updates. */
export function attend(q: Tensor, k: Tensor, v: Tensor, context: Context, options: AttendOptions): Tensor {
  const { scale, window = null, softCap, sinks } = options
  const scoring = { scale, window, ...(softCap === undefined ? {} : { softCap }) }
  const { cache, mask, bias, prefix } = context
  if (cache?.filled !== undefined) {
    const { filled, keep } = cache
    const [cachedK, cachedV] = stored(k, v, context, options)
    const fresh = add(iota([k.shape[2] as number], 0), filled)
    const places = () => concat([iota([cache.slots], 0), fresh], 0)
    return cachedAttention([q, cachedK, cachedV, k, v, filled, keep], scoring, { bias: bias?.(fresh, places()), sinks })
  }
  const before = prefix?.keyValue(options.layer)
  const keys = before === undefined ? k : concat([before.key, k], 2)
  const values = before === undefined ? v : concat([before.value, v], 2)
  if (cache !== undefined) stored(keys, values, context, options)
  const [queryCount, keyCount] = [q.shape[2] as number, keys.shape[2] as number]
  const places = iota([keyCount], 0)
  return attention(
    q,
    keys,
    values,
    { ...scoring, causal: mask.causal },
    {
      keep: keepOf(mask.keep, keyCount),
      documents: documentsOf(mask.documents, before !== undefined),
      bias: bias?.(sliceAxis(places, 0, keyCount - queryCount, keyCount), places),
      sinks,
      dropout: dropoutOf(context, options),
    },
  )
}

/** The layer's cache slots, before this pass; records that the pass writes its keys and values behind what fills them. */
function stored(k: Tensor, v: Tensor, { cache, trace }: Context, { layer }: AttendOptions): [Tensor, Tensor] {
  const { slots, filled } = cache as CacheContext
  const store = (part: 'key' | 'value', rows: Tensor) => {
    const [batch, groups, , size] = rows.shape as [number, number, number, number]
    const slot = cacheSlot('self', layer, part)
    const buffer = input('state', slot, rows.dtype, [batch, groups, slots, size])
    trace.updates.set(slot, writeRows(buffer, filled ?? constant(0, 'i32'), rows, 2))
    return buffer
  }
  return [store('key', k), store('value', v)]
}

// Keys in front of the pass's own are all seen.
function keepOf(keep: Tensor | undefined, keys: number): Tensor | undefined {
  if (keep === undefined || keep.shape[1] === keys) return keep
  const [batch, own] = keep.shape as [number, number]
  return concat([constant(1, 'bool', [batch, keys - own]), keep], 1)
}

// Virtual tokens would stand in front of the first document alone.
function documentsOf(documents: Tensor | undefined, hasPrefix: boolean): Tensor | undefined {
  if (documents !== undefined && hasPrefix)
    throw new EspalierError('config.unsupported', {
      what: 'rows of several documents have no place for virtual tokens',
    })
  return documents
}

function dropoutOf({ seed }: Context, { dropout }: AttendOptions): AttentionExtras['dropout'] {
  return seed === undefined || dropout === undefined || dropout.rate === 0 ? undefined : { ...dropout, seed }
}

/**
 * Attention of a decoder's layer to what its encoder made: q (batch, heads, tokens, size) -> same. project: from the encoder's hidden
 * states (batch, source tokens, hidden) to keys and values (batch, heads, source tokens, size); not asked where a cache holds them.
 * Records what such a cache is to hold. Throws graph.slot without an encoder's output.
 */
export function attendToEncoded(
  q: Tensor,
  project: (hidden: Tensor) => { readonly key: Tensor; readonly value: Tensor },
  context: Context,
  options: AttendOptions,
): Tensor {
  const { scale, softCap, sinks, layer } = options
  const { encoded, cache, trace } = context
  if (encoded === undefined)
    throw new EspalierError('graph.slot', { what: 'a decoder needs the output of its encoder', got: { layer } })
  const [batch, heads, , size] = q.shape as [number, number, number, number]
  const stored = (part: 'key' | 'value') =>
    input('state', cacheSlot('cross', layer, part), q.dtype, [batch, heads, encoded.length, size])
  const { key, value } =
    encoded.hidden === undefined ? { key: stored('key'), value: stored('value') } : project(encoded.hidden)
  if (cache !== undefined && encoded.hidden !== undefined) {
    trace.updates.set(cacheSlot('cross', layer, 'key'), key)
    trace.updates.set(cacheSlot('cross', layer, 'value'), value)
  }
  const scoring = { scale, window: null, ...(softCap === undefined ? {} : { softCap }) }
  const extras = { keep: encoded.keep, sinks, dropout: dropoutOf(context, options) }
  return attention(q, key, value, { ...scoring, causal: false }, extras)
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
