/** XLM-RoBERTa: RoBERTa over a hundred languages. Source: arXiv:1911.02116 §3. */
import type { Architecture } from '@espalier/core'
import { robertaLike } from './roberta.js'

/** XLM-RoBERTa with RoBERTa's heads. */
export const xlmRoberta: Architecture = robertaLike({ modelType: 'xlm-roberta', className: 'XLMRoberta' })
