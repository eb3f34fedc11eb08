/** All families of this package as one list. A program that needs one family imports that one. */
import type { Architecture } from '@espalier/core'
import { albert } from './albert.js'
import { bart } from './bart.js'
import { bert } from './bert.js'
import { bloom } from './bloom.js'
import { deberta } from './deberta.js'
import { debertaV2 } from './deberta-v2.js'
import { distilbert } from './distilbert.js'
import { electra } from './electra.js'
import { falcon } from './falcon.js'
import { gemma } from './gemma.js'
import { gemma2 } from './gemma2.js'
import { gemma3Text } from './gemma3-text.js'
import { glm } from './glm.js'
import { glm4 } from './glm4.js'
import { gptNeo } from './gpt-neo.js'
import { gptNeox } from './gpt-neox.js'
import { gpt2 } from './gpt2.js'
import { gptj } from './gptj.js'
import { llama } from './llama.js'
import { mistral } from './mistral.js'
import { mixtral } from './mixtral.js'
import { mt5 } from './mt5.js'
import { openaiGpt } from './openai-gpt.js'
import { opt } from './opt.js'
import { phi } from './phi.js'
import { phi3 } from './phi3.js'
import { qwen2 } from './qwen2.js'
import { qwen3 } from './qwen3.js'
import { qwen3Moe } from './qwen3-moe.js'
import { roberta } from './roberta.js'
import { smollm3 } from './smollm3.js'
import { stablelm } from './stablelm.js'
import { t5 } from './t5.js'
import { xlmRoberta } from './xlm-roberta.js'

/** Every architecture here, for lookups by config.json's model_type. */
export const architectures: readonly Architecture[] = [
  llama,
  bert,
  gpt2,
  qwen2,
  qwen3,
  smollm3,
  phi,
  phi3,
  stablelm,
  mistral,
  mixtral,
  qwen3Moe,
  roberta,
  xlmRoberta,
  distilbert,
  electra,
  albert,
  deberta,
  debertaV2,
  t5,
  mt5,
  opt,
  bloom,
  bart,
  falcon,
  gptNeo,
  gptNeox,
  gptj,
  openaiGpt,
  gemma,
  gemma2,
  gemma3Text,
  glm,
  glm4,
]
