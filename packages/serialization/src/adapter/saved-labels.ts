/** The labels of a classification head that an adapter keeps in full: how many they are, and their names. Which modules are heads is the tuner's. */
import { openSource, type Source } from '../files/open-source.js'
import type { HubOptions } from '../hub/environment.js'
import { type AdapterFiles, readAdapter } from './read-adapter.js'

/** Labels of a saved head. */
export interface SavedLabels {
  /** The head's tensor that tells: (labels, hidden). */
  readonly tensor: string
  readonly count: number
  /** Where the file names them. */
  readonly names: readonly string[] | null
}

// transformers' names of the layer that gives a logit for each label.
const OUTPUT = /(?:^|\.)(?:classifier|score|classification_head)(?:\.out_proj)?\.weight$/

/** Where names of labels stand in the metadata of an adapter's tensors: PEFT writes no config.json that could hold them, and reads past it. */
const NAMES = 'id2label'

/** The labels of the head that an adapter folder holds; undefined when it holds none. */
export function savedLabels({ tensors }: Pick<AdapterFiles, 'tensors'>): SavedLabels | undefined {
  for (const [tensor, { shape, from }] of tensors) {
    const [count] = shape
    if (!OUTPUT.test(tensor) || shape.length !== 2 || count === undefined) continue
    const names = namesIn(from.metadata.get(NAMES))
    return { tensor, count, names: names?.length === count ? names : null }
  }
  return undefined
}

/** The same from wherever the adapter is. Throws what opening an adapter throws: file.missing, adapter.config, safetensors.*, hub.*. */
export async function readSavedLabels(
  source: Source,
  options: HubOptions & { readonly subfolder?: string } = {},
): Promise<SavedLabels | undefined> {
  const { subfolder } = options
  const root = await openSource(source, { ...options, groups: ['adapter'] })
  const files = await readAdapter(subfolder === undefined ? root : root.folder(subfolder))
  try {
    return savedLabels(files)
  } finally {
    await files.close()
  }
}

/** Metadata that names the labels of a head among these tensors; none where there is no head, or its labels have no names of their own. config: config.json. */
export function labelMetadata(
  tensors: Iterable<{ readonly name: string }>,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const names = Object.values((config.id2label ?? {}) as Record<string, unknown>)
  const hasHead = [...tensors].some(({ name }) => OUTPUT.test(name))
  return hasHead && names.some((name, index) => name !== `LABEL_${index}`) ? { [NAMES]: JSON.stringify(names) } : {}
}

function namesIn(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null
  try {
    const names: unknown = JSON.parse(text)
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null
  } catch {
    return null // somebody else's: the labels have their numbers
  }
}
