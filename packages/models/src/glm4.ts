/** GLM-4 of 2025: GLM whose halves of a layer end in a norm each. Source: transformers' Glm4DecoderLayer. */
import type { Architecture } from '@espalier/core'
import { glmDefaults, glmSettings } from './glm.js'
import { tokenClassifier } from './heads/token-classification.js'
import { fusedGatedMlp, layerNames, llamaLike } from './llama.js'

/** GLM-4 with heads for CAUSAL_LM, SEQ_CLS and TOKEN_CLS, and the bare model. PEFT has no default targets for it. */
export const glm4: Architecture = llamaLike({
  modelType: 'glm4',
  className: 'Glm4',
  defaultTargets: [],
  defaults: glmDefaults,
  settings: glmSettings,
  heads: { TOKEN_CLS: tokenClassifier({ className: 'Glm4ForTokenClassification', field: 'score' }) },
  parts: {
    inner: fusedGatedMlp,
    layerNames: {
      ...layerNames,
      attentionEndNorm: 'post_self_attn_layernorm',
      innerEndNorm: 'post_mlp_layernorm',
    },
  },
})
