/** Phi-3 and Phi-4: Llama whose queries, keys and values are one product, and its gate and what passes it another. Source: arXiv:2404.14219 §2. */
import type { Architecture, Module, ParameterScope } from '@espalier/core'
import type { ConfigKeys } from './config/config-keys.js'
import { JointAttention } from './decoder/joint-attention.js'
import { tokenClassifier } from './heads/token-classification.js'
import { attentionSettings, fusedGatedMlp, type LlamaSettings, llamaLike, llamaSettings } from './llama.js'

const LONG = 'longrope'

/** Phi-3 with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. PEFT has no default targets for it. */
export const phi3: Architecture = llamaLike({
  modelType: 'phi3',
  className: 'Phi3',
  defaultTargets: [],
  defaults: {
    max_position_embeddings: 4096,
    original_max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    pad_token_id: 32_000,
  },
  settings: readSettings,
  heads: { TOKEN_CLS: tokenClassifier({ className: 'Phi3ForTokenClassification', field: 'score' }) },
  parts: { attention: jointAttention, inner: fusedGatedMlp },
})

function readSettings(keys: ConfigKeys): LlamaSettings {
  refuseScalings(keys)
  // The names that LongRoPE had in the first files.
  const settings = llamaSettings(keys, { share: 1, scalings: { su: LONG, yarn: LONG } })
  const residual = keys.rate('resid_pdrop')
  const window = keys.has('sliding_window') ? keys.size('sliding_window') : null
  const { sizes } = settings
  return {
    ...settings,
    // What was read by the short factors is no beginning of a text that is read by the long ones. transformers means the same, but 5.18
    // then reads the last token alone.
    sizes: sizes.stretch === undefined ? sizes : { ...sizes, stretch: { ...sizes.stretch, isReadAgain: true } },
    bias: { projections: false, output: false, inner: false },
    endDropout: { attention: residual, inner: residual },
    layers: Array.from({ length: settings.sizes.layerCount }, () => ({ window })),
  }
}

function refuseScalings(keys: ConfigKeys): void {
  const scaling = keys.below('rope_scaling') ?? keys.below('rope_parameters')
  const key = scaling?.has('rope_type') ? 'rope_type' : 'type'
  const known = ['default', LONG, 'su', 'yarn']
  if (scaling !== undefined && !known.includes(scaling.text(key, 'default'))) throw scaling.unsupported(key, known)
}

const names = { joint: 'qkv_proj', output: 'o_proj' }

function jointAttention(settings: LlamaSettings, scope: ParameterScope, layer: number): Module {
  const { hiddenSize, headCount, groupCount, headSize } = settings.sizes
  const options = { bias: false, deviation: settings.deviation }
  return new JointAttention(attentionSettings(settings, scope, layer), names, {
    joint: scope.linear(names.joint, hiddenSize, (headCount + 2 * groupCount) * headSize, options),
    output: scope.linear(names.output, headCount * headSize, hiddenSize, options),
  })
}
