/** What config.json says of a mixture of experts. */
import type { MixtureSettings } from '../decoder/sparse-moe.js'
import type { LlamaSettings } from '../llama.js'
import type { ConfigKeys } from './config-keys.js'

/** Settings of a model with mixtures in the place of wide halves. */
export interface SparseSettings extends LlamaSettings {
  readonly mixture: Omit<MixtureSettings, 'files'>
}

/** What families read from keys of their own. */
export interface MixtureSizes extends Pick<LlamaSettings, 'sizes' | 'innerSize' | 'activation' | 'deviation'> {
  readonly expertCount: number
  readonly isNormalized: boolean
  readonly jitter?: number
}

/** The settings of a mixture. Throws model.config. */
export function mixtureSettings(keys: ConfigKeys, own: MixtureSizes): Omit<MixtureSettings, 'files'> {
  const { sizes, innerSize, activation, deviation, expertCount, isNormalized, jitter = 0 } = own
  const chosenCount = keys.size('num_experts_per_tok')
  if (expertCount > 0 && chosenCount > expertCount)
    throw keys.conflict('a token cannot get more experts than there are', {
      num_experts_per_tok: chosenCount,
      experts: expertCount,
    })
  const { hiddenSize } = sizes
  return { hiddenSize, innerSize, expertCount, chosenCount, isNormalized, jitter, activation, deviation }
}
