/** State slots of key/value caches. A decoder that also attends to an encoder's output has two in each layer. */

/** What a cache holds: the tokens of the decoder itself, or of the encoder's output. */
export type CacheKind = 'self' | 'cross'

const SLOT = /^cache\.(self|cross)\.\d+\.(?:key|value)$/

/** Name of a layer's cache slot. */
export function cacheSlot(kind: CacheKind, layer: number, part: 'key' | 'value'): string {
  return `cache.${kind}.${layer}.${part}`
}

/** Which cache a state slot belongs to; undefined for slots of other state. */
export function cacheKind(slot: string): CacheKind | undefined {
  return SLOT.exec(slot)?.[1] as CacheKind | undefined
}
