/**
 * Gemma 3 without its eyes: Gemma 2 with norms of queries and keys in the place of the cap, five layers with windows to one without, and
 * positions of their own for each kind. Source: arXiv:2503.19786 §2.
 */
import type { Architecture } from '@espalier/core'
import { ConfigKeys } from './config/config-keys.js'
import { layerWindows } from './config/layer-windows.js'
import { gemmaDefaults, gemmaSettings } from './gemma.js'
import { gemma2Parts } from './gemma2.js'
import { causalLM } from './heads/causal-lm.js'
import { type Rotary, rotaryOf } from './layers/rotary.js'
import { type LlamaSettings, llamaLike } from './llama.js'

/** Gemma 3 with heads for CAUSAL_LM and SEQ_CLS, and the bare model. Throws model.unsupported where tokens see later ones. */
export const gemma3Text: Architecture = llamaLike({
  modelType: 'gemma3_text',
  className: 'Gemma3Text',
  defaults: {
    ...gemmaDefaults,
    num_key_value_heads: 4,
    max_position_embeddings: 131_072,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
  },
  settings: gemma3Settings,
  heads: {
    CAUSAL_LM: causalLM(
      { className: 'Gemma3ForCausalLM', field: 'lm_head' },
      { softCapKey: 'final_logit_softcapping' },
    ),
  },
  parts: gemma2Parts,
})

// transformers does not read attn_logit_softcapping here, though configurations have it.
function gemma3Settings(keys: ConfigKeys): LlamaSettings {
  const { sizes, ...read } = gemmaSettings(keys, 'hidden_activation')
  const window = keys.has('sliding_window') ? keys.size('sliding_window') : null
  const pattern = keys.size('sliding_window_pattern', 6)
  const full = rotaryOfKind(keys, sizes.headSize, kinds.full)
  const sliding = rotaryOfKind(keys, sizes.headSize, kinds.sliding)
  return {
    ...read,
    sizes: {
      ...sizes,
      maxPositions: full.maxPositions,
      ...(full.far === undefined ? {} : { stretch: { from: full.far.from, isReadAgain: false } }),
    },
    scoreScale: keys.positive('query_pre_attn_scalar') ** -0.5,
    normsHeads: true,
    layers: layerWindows(keys, window, (layer) => (layer + 1) % pattern !== 0).map((own) =>
      own === null ? { rotary: full } : { window: own, rotary: sliding },
    ),
  }
}

interface Kind {
  readonly key: string
  /** The older key of the base of its angles, and what it is where it is absent. */
  readonly thetaKey: string
  readonly theta: number
  /** Whether the older `rope_scaling` is of this kind. */
  readonly isScaled: boolean
}

const kinds = {
  full: { key: 'full_attention', thetaKey: 'rope_theta', theta: 1_000_000, isScaled: true },
  sliding: { key: 'sliding_attention', thetaKey: 'rope_local_base_freq', theta: 10_000, isScaled: false },
} satisfies Readonly<Record<string, Kind>>

function rotaryOfKind(keys: ConfigKeys, size: number, { key, thetaKey, theta, isScaled }: Kind): Rotary {
  const own = keys.below('rope_parameters')?.below(key)?.values
  const older = isScaled ? keys.below('rope_scaling')?.values : undefined
  return rotaryOf(
    new ConfigKeys({
      ...keys.values,
      rope_theta: keys.positive(thetaKey, theta),
      rope_scaling: null,
      rope_parameters: { rope_type: 'default', ...own, ...older },
    }),
    size,
  )
}
