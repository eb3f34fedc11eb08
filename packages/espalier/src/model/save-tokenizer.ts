/** The tokenizer's files beside a saved model or adapter, unchanged. */
import { EspalierError } from '@espalier/core'
import { openTarget, type Target, textContent } from '@espalier/serialization'
import type { RuntimeModel } from './runtime-model.js'

/** Writes the model's tokenizer files to a folder. A model without a tokenizer has nothing to write. */
export async function saveTokenizer(model: RuntimeModel, target: Target): Promise<void> {
  const output = openTarget(target)
  for (const [name, text] of await tokenizerTexts(model)) await output.write(name, textContent(text))
}

async function tokenizerTexts(model: RuntimeModel): Promise<ReadonlyMap<string, string>> {
  try {
    return (await model.tokenizer()).toFiles()
  } catch (error) {
    if (EspalierError.isInstance(error) && error.code === 'file.missing') return new Map()
    if (EspalierError.isInstance(error) && error.code === 'tokenizer.file') return new Map()
    throw error
  }
}
