/** What there is to know of how a model was loaded. */
import { initialWarnings } from '@espalier/serialization'
import { PeftModel } from './peft-model.js'
import type { PretrainedModel } from './pretrained-model.js'

/** The warnings of a model's files, without that of a head that starts at random values where its adapters have their own. */
export function loadedWarnings(model: PretrainedModel | PeftModel): readonly string[] {
  const { warnings, initialized } = model.loaded
  if (!(model instanceof PeftModel)) return warnings
  const { adapted } = model
  const own = new Set(
    adapted.adapterNames.flatMap((name) => adapted.adapter(name).saved.flatMap(({ parameters }) => parameters)),
  )
  if (!initialized.every((path) => own.has(path))) return warnings
  const told = initialWarnings(initialized)
  return warnings.filter((warning) => !told.includes(warning))
}
