/** What a model with an adapter starts with that nobody has afterwards: parts of a new head that the checkpoint lacks and the adapter does not keep. */
import { namedParameters } from '@espalier/core'
import type { PeftModel } from './peft-model.js'

/** The parts. */
export interface UnkeptParts {
  /** Modules of which the checkpoint has nothing: an adapter keeps them as `modulesToSave`. */
  readonly modules: readonly string[]
  /** Paths of parameters in modules of which it has the rest. */
  readonly parameters: readonly string[]
}

/** The parts of a model's base, without those that its adapters keep in full. */
export function unkeptParts({ base, adapted }: PeftModel): UnkeptParts {
  const kept = adapted.adapterNames.flatMap((name) => adapted.adapter(name).saved.map(({ path }) => path))
  const isBelow = (path: string, module: string) => path.startsWith(`${module}.`)
  const lost = base.loaded.initialized.filter((path) => !kept.some((module) => isBelow(path, module)))
  const stored = [...namedParameters(base.model).keys()].filter((path) => !base.loaded.initialized.includes(path))
  const moduleOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')))
  const isNew = (module: string) => module !== '' && !stored.some((path) => isBelow(path, module))
  return {
    modules: [...new Set(lost.map(moduleOf))].filter(isNew),
    parameters: lost.filter((path) => !isNew(moduleOf(path))),
  }
}
