/** What a forward pass knows besides its input: one typed, immutable value. Models never build masks; tuners never see the model. */
import type { Tensor } from '../graph/tensor.js'

/** Which keys a query may see, as a description. */
export interface AttentionMask {
  /** Later tokens are hidden. */
  readonly causal: boolean
  /** (batch, keys) bool: false hides a key everywhere, as padding. */
  readonly keep?: Tensor
  /** (batch, tokens) i32: the document of each token in rows that hold several. A query sees its own document alone. */
  readonly documents?: Tensor
}

/** What a decoder knows of its encoder's output. */
export interface EncodedContext {
  /** (batch, length, hidden); undefined where the cache holds the keys and values made of it. */
  readonly hidden?: Tensor
  /** Tokens per row. */
  readonly length: number
  /** (batch, length) bool: false at padding. */
  readonly keep?: Tensor
}

/** A key/value cache: state slots of `slots` tokens, of which the first `filled` hold earlier tokens. */
export interface CacheContext {
  readonly slots: number
  /** i32 scalar; undefined while the cache is empty (prefill): new tokens then see only each other. */
  readonly filled?: Tensor
  /** (batch, slots) bool: slots of padding are false. */
  readonly keep: Tensor
}

/**
 * What a model adds to the scores of self-attention by place: queries (queries) and keys (keys), i32 columns of the pass or slots of the
 * cache -> (1 or batch, 1 or heads, 1 or queries, keys). A description, so that a layer makes only what it reads.
 */
export type ScoreBias = (queries: Tensor, keys: Tensor) => Tensor

/** Keys and values in front of every layer's own, (batch, groups, virtual tokens, size), which every query sees. */
export interface AttentionPrefix {
  keyValue(layer: number): { readonly key: Tensor; readonly value: Tensor }
}

/** Collects what a pass hands out besides its result: cache updates and captured values. One per trace. */
export class Trace {
  /** State slot -> new value. */
  readonly updates = new Map<string, Tensor>()
  /** Name -> captured tensor, for the names that `wanted` accepts. */
  readonly captured = new Map<string, Tensor>()

  constructor(private readonly wanted: (name: string) => boolean = () => false) {}

  /** Records a value under a name, if somebody asked for it. */
  capture(name: string, value: () => Tensor): void {
    if (this.wanted(name)) this.captured.set(name, value())
  }
}

/** The context of one forward pass. */
export interface Context {
  readonly batch: number
  /** Tokens per row. */
  readonly length: number
  /** (batch or 1, length) i32. */
  readonly positions: Tensor
  /** Whether the caller gave the positions; else they count from 0, and a model that counts by padding makes its own. */
  readonly hasGivenPositions: boolean
  readonly mask: AttentionMask
  /** (batch, length) i32, for models with token types. */
  readonly tokenTypes?: Tensor
  readonly cache?: CacheContext
  /** Of an encoder-decoder model, whose other input is the decoder's: the ids (batch, source tokens) and the context of its encoder. */
  readonly source?: { readonly ids: Tensor; readonly context: Context }
  /** In a decoder: the output of its encoder. */
  readonly encoded?: EncodedContext
  readonly bias?: ScoreBias
  /** Within a mixture of experts, whose layers read blocks of rows: the expert of each block, (blocks) i32. */
  readonly experts?: Tensor
  /** Read where the cache is empty or absent; a filled cache already holds it. */
  readonly prefix?: AttentionPrefix
  /** u32 scalar; dropout is active exactly when it is given. */
  readonly seed?: Tensor
  readonly trace: Trace
}
