/** What a forward pass knows besides its input: one typed, immutable value. Models never build masks; tuners never see the model. */
import type { Tensor } from '../graph/tensor.js'

/** Which keys a query may see, as a description. */
export interface AttentionMask {
  /** Later tokens are hidden. */
  readonly causal: boolean
  /** (batch, keys) bool: false hides a key everywhere, as padding. */
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
  readonly mask: AttentionMask
  /** (batch, length) i32, for models with token types. */
  readonly tokenTypes?: Tensor
  readonly cache?: CacheContext
  /** u32 scalar; dropout is active exactly when it is given. */
  readonly seed?: Tensor
  readonly trace: Trace
}
