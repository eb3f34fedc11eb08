/** The tokenizer's files beside a saved model or adapter. */
import { EspalierError } from '@espalier/core'
import { openTarget, type Target, textContent } from '@espalier/serialization'
import type { RuntimeModel } from './runtime-model.js'

/** Writes the model's tokenizer files to a folder. A model without a tokenizer has nothing to write. */
export async function saveTokenizer(model: Pick<RuntimeModel, 'tokenizer'>, target: Target): Promise<void> {
  const output = openTarget(target)
  for (const [name, text] of await tokenizerTexts(model)) await output.write(name, textContent(text))
}

/** The files of a model's tokenizer by name; none where it has none that can be read. */
export async function tokenizerTexts(model: Pick<RuntimeModel, 'tokenizer'>): Promise<ReadonlyMap<string, string>> {
  try {
    return (await model.tokenizer()).toFiles()
  } catch (error) {
    if (EspalierError.isInstance(error) && NO_TOKENIZER.includes(error.code)) return new Map()
    throw error
  }
}

const NO_TOKENIZER: readonly string[] = ['file.missing', 'tokenizer.file', 'config.unsupported']
