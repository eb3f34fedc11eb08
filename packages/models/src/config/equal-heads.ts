/** Sizes of models whose heads divide the hidden size among them, each with keys and values of its own. */
import type { ModelSizes } from '@espalier/core'
import type { ConfigKeys } from './config-keys.js'

/** A key of config.json, and what it means where it is left out; without that it must be there. */
type KeyWithFallback = readonly [key: string, fallback?: number]

/** The keys that say the sizes. */
export interface SizeKeys {
  readonly hidden: KeyWithFallback
  readonly heads: KeyWithFallback
  readonly layers: KeyWithFallback
}

/** The sizes but for the positions, which families limit in their own ways. Throws model.config, also where heads are left over. */
export function equalHeads(keys: ConfigKeys, { hidden, heads, layers }: SizeKeys): Omit<ModelSizes, 'maxPositions'> {
  const hiddenSize = keys.size(...hidden)
  const headCount = keys.parts(...heads)
  if (hiddenSize % headCount !== 0) {
    const given = { [hidden[0]]: hiddenSize, [heads[0]]: headCount }
    throw keys.conflict('the hidden size must divide into the heads', given)
  }
  return {
    vocabularySize: keys.size('vocab_size'),
    hiddenSize,
    layerCount: keys.parts(...layers),
    headCount,
    groupCount: headCount,
    headSize: hiddenSize / headCount,
  }
}
