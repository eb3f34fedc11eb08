/** T5 and T5 v1.1: an encoder and a decoder with biases by distance. Source: arXiv:1910.10683 §2.1; v1.1's gates: arXiv:2002.05202 §2. */
import type { Architecture } from '@espalier/core'
import { architectureOf } from './family.js'
import type { BareModel } from './heads/bare-model.js'
import { firstTokenClassifier } from './heads/first-token-classifier.js'
import { bareModel, overBase } from './heads/head.js'
import { tokenClassifier } from './heads/token-classification.js'
import { lastOfToken } from './layers/last-token.js'
import { conditionalGeneration, stackedQuestionAnswering } from './t5/heads.js'
import { buildT5, buildT5Encoder, type T5Model } from './t5/model.js'
import { readSettings, type T5Like, type T5Settings } from './t5/settings.js'

/** T5 with heads for SEQ_2_SEQ_LM, SEQ_CLS, TOKEN_CLS (the encoder alone) and QUESTION_ANS, and the bare model. CodeT5 is one. */
export const t5: Architecture = t5Like({
  modelType: 't5',
  className: 'T5',
  // Configurations of before transformers 5 say it by whether the head is tied; newer ones always say that it is.
  scalesHead: (keys) => keys.flag('scale_decoder_outputs', keys.flag('tie_word_embeddings', true)),
  // Of tying the file tells; without a word of the factor, it would be read from whether the head is tied.
  untiedConfig: (scalesHead) => ({ scale_decoder_outputs: scalesHead }),
})

/** A family that differs from T5 in its settings alone. */
export function t5Like(family: T5Like): Architecture {
  const { modelType, className, defaults } = family
  return architectureOf<T5Settings, BareModel>({
    modelType,
    baseModelPrefix: 'transformer',
    taskPrefixes: { SEQ_2_SEQ_LM: '', QUESTION_ANS: '' },
    defaultTargets: ['q', 'v'],
    floatLayers: ['wo'],
    // Files may name the shared table after any of its three places.
    renameParameter: (name) => name.replace(/(^|\.)(?:encoder|decoder)\.embed_tokens\./, '$1shared.'),
    defaults: { classifier_dropout: 0, ...defaults },
    aliases: {
      hidden_size: 'd_model',
      num_hidden_layers: 'num_layers',
      num_attention_heads: 'num_heads',
      head_dim: 'd_kv',
    },
    settings: (keys) => readSettings(keys, family),
    base: (settings, scope, task) => {
      const readsAlone = task === 'TOKEN_CLS' || (task === 'FEATURE_EXTRACTION' && settings.isEncoder)
      return readsAlone ? buildT5Encoder(settings, scope) : buildT5(settings, scope)
    },
    heads: {
      SEQ_2_SEQ_LM: overBase(conditionalGeneration),
      // What the decoder made of the last end token stands for the text.
      SEQ_CLS: overBase<T5Model>((request) => {
        const { endToken, deviation, sizes } = request.base.settings
        const names = { className: `${className}ForSequenceClassification`, field: 'classification_head' }
        return firstTokenClassifier(names, {
          input: (hidden, { ids }) => lastOfToken(hidden, ids, endToken),
          deviation: deviation * sizes.hiddenSize ** -0.5,
        })(request)
      }),
      TOKEN_CLS: tokenClassifier(
        { className: `${className}ForTokenClassification`, field: 'classifier' },
        { deviation: (keys) => keys.number('initializer_factor', 1) },
      ),
      QUESTION_ANS: overBase(stackedQuestionAnswering),
      FEATURE_EXTRACTION: bareModel,
    },
  })
}
