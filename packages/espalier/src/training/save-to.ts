/** What a run leaves, written to wherever a user saves: the adapter or the whole model, and its tokenizer. */
import { openTarget, type Target, textContent } from '@espalier/serialization'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { saveTokenizer } from '../model/save-tokenizer.js'
import { fullModelCard } from './model-card.js'

/** Writes an adapter, or a whole model, and its tokenizer's files. */
export async function saveTo(folder: Target, model: PeftModel | PretrainedModel): Promise<void> {
  await model.savePretrained(folder)
  if (model instanceof PeftModel) await saveTokenizer(model, folder)
  else await writeCard(folder, model)
}

// A card that somebody wrote stays.
async function writeCard(folder: Target, model: PretrainedModel): Promise<void> {
  const output = openTarget(folder)
  if ((await output.readText('README.md')) === undefined)
    await output.write('README.md', textContent(fullModelCard(model)))
}
