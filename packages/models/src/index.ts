/** @module Model architectures under their Hugging Face names, and generation: token ids in, token ids out. */
export { albert } from './albert.js'
export { architectures } from './architectures.js'
export { bart } from './bart.js'
export { bert } from './bert.js'
export { bloom } from './bloom.js'
export { type ClassificationRow, type ClassificationSource, classifyRows } from './classification/classify-rows.js'
export { deberta } from './deberta.js'
export { debertaV2 } from './deberta-v2.js'
export { distilbert } from './distilbert.js'
export { electra } from './electra.js'
export { falcon } from './falcon.js'
export { gemma } from './gemma.js'
export { type GeneratedRow, generateRows, generateTokens } from './generation/generate-tokens.js'
export type {
  FinishReason,
  GeneratedToken,
  GenerateTokensOptions,
  GenerationSource,
} from './generation/options.js'
export { glm } from './glm.js'
export { glm4 } from './glm4.js'
export { gptNeo } from './gpt-neo.js'
export { gpt2 } from './gpt2.js'
export { llama } from './llama.js'
export { mistral } from './mistral.js'
export { mt5 } from './mt5.js'
export { openaiGpt } from './openai-gpt.js'
export { opt } from './opt.js'
export { qwen2 } from './qwen2.js'
export { roberta } from './roberta.js'
export { t5 } from './t5.js'
export { xlmRoberta } from './xlm-roberta.js'
