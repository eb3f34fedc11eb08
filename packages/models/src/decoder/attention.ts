/** Attention of decoders: how queries, keys and values are projected is a family's own; rotation, dropout and the end are shared. */
import { type AttendOptions, attend, type Context, joinHeads, Module, maybeDropout, type Tensor } from '@espalier/core'
import type { Rotary } from '../layers/rotary.js'

/** What one layer's attention is made with besides its projections. */
export interface AttentionSettings extends AttendOptions {
  readonly heads: number
  /** Key/value heads: several heads may share a key and a value. */
  readonly groups: number
  /** Absent: positions are in the embeddings. */
  readonly rotary?: Rotary
  /** Of what it gives. */
  readonly outputDropout?: { readonly rate: number; readonly site: string }
}

/** Queries (batch, heads, tokens, size); keys and values (batch, groups, tokens, size). */
export type Projected = readonly [queries: Tensor, keys: Tensor, values: Tensor]

/** x (batch, tokens, hidden) -> same. */
export abstract class Attention extends Module {
  abstract readonly settings: AttentionSettings

  /** x (batch, tokens, hidden) -> queries, keys and values by heads, before their rotation. */
  abstract project(x: Tensor, context: Context): Projected

  /** Joined heads (batch, tokens, heads * size) -> (batch, tokens, hidden). */
  abstract output(x: Tensor, context: Context): Tensor

  forward(x: Tensor, context: Context): Tensor {
    const [q, k, v] = this.project(x, context)
    const { rotary, outputDropout } = this.settings
    const turned = (part: Tensor) =>
      rotary === undefined ? part : rotary.turn(part, context.positions, context.mask.keep)
    const y = this.output(joinHeads(attend(turned(q), turned(k), v, context, this.settings)), context)
    return outputDropout === undefined ? y : maybeDropout(y, context, outputDropout.rate, outputDropout.site)
  }
}
