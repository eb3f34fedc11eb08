/** Whether a model has something to train. */
import { EspalierError } from '@espalier/core'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'

/** Throws adapter.state for adapters that were loaded to be used. */
export function requireTrained(model: PeftModel | PretrainedModel): void {
  if (!(model instanceof PeftModel)) return
  const { activeAdapters, trainedAdapters } = model.adapted
  if (activeAdapters.some((name) => trainedAdapters.includes(name))) return
  throw new EspalierError('adapter.state', {
    what: 'no active adapter trains: it was loaded to be used',
    got: { active: activeAdapters },
    fix: 'Load it with isTrainable: true, or call setAdapter with its name',
  })
}
