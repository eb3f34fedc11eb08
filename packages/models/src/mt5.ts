/** mT5: T5 v1.1 over many languages, with sizes of its own and a head that nothing is scaled for. Source: arXiv:2010.11934 §3.2. */
import type { Architecture } from '@espalier/core'
import { t5Like } from './t5.js'

/** mT5 with T5's heads. mT0 is one. */
export const mt5: Architecture = t5Like({
  modelType: 'mt5',
  className: 'MT5',
  defaults: { vocab_size: 250_112, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: 'gated-gelu' },
  scalesHead: () => false,
  untiedConfig: () => ({ tie_word_embeddings: false }),
})
