/** What to use in place of a model whose type no architecture has. */
import { nearest } from '@espalier/core'

// By what they are made of: names alone do not tell. Types that PEFT has targets for, and some that people ask for.
const RELATIVES: Readonly<Record<string, string>> = {
  chatglm: 'glm',
  layoutlm: 'bert',
  'blip-2': 'opt',
  llama4: 'llama',
  gemma3: 'gemma3_text',
  gemma4: 'gemma3_text',
  gpt_bigcode: 'gpt2',
  btlm: 'gpt2',
  codegen: 'gptj',
  mpt: 'bloom',
  RefinedWeb: 'falcon',
  RefinedWebModel: 'falcon',
  camembert: 'roberta',
  umt5: 'mt5',
  mbart: 'bart',
}

/** The known model type that comes nearest to one that is not, by what it is made of, else by its name; undefined where none does. */
export function nearestModelType(modelType: string, known: readonly string[]): string | undefined {
  const relative = Object.hasOwn(RELATIVES, modelType) ? RELATIVES[modelType] : undefined
  return relative !== undefined && known.includes(relative) ? relative : nearest(modelType, known)
}
