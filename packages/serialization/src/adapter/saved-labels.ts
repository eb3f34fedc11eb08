/** The labels of a classification head that an adapter keeps in full: how many they are, their names, and what they are. Which modules are heads is the tuner's. */
import { openSource, type Source } from '../files/open-source.js'
import type { HubOptions } from '../hub/environment.js'
import { type ProblemType, problemTypeOf } from '../load/problem-type.js'
import { type AdapterFiles, readAdapter } from './read-adapter.js'

/** Labels of a saved head. */
export interface SavedLabels {
  /** The head's tensor that tells: (labels, hidden). */
  readonly tensor: string
  readonly count: number
  /** Where the file names them. */
  readonly names: readonly string[] | null
  /** Where the file says what they are. */
  readonly problemType: ProblemType | null
}

// transformers' names of the layer that gives a logit for each label.
const OUTPUT = /(?:^|\.)(?:classifier|score|classification_head)(?:\.out_proj)?\.weight$/

/** Where names of labels, and what they are, stand in the metadata of an adapter's tensors: PEFT writes no config.json that could hold them, and reads past it. */
const [NAMES, PROBLEM] = ['id2label', 'problem_type']

/** The labels of the head that an adapter folder holds; undefined when it holds none. */
export function savedLabels({ tensors }: Pick<AdapterFiles, 'tensors'>): SavedLabels | undefined {
  for (const [tensor, { shape, from }] of tensors) {
    const [count] = shape
    if (!OUTPUT.test(tensor) || shape.length !== 2 || count === undefined) continue
    const names = namesIn(from.metadata.get(NAMES))
    const problemType = problemIn(from.metadata.get(PROBLEM))
    return { tensor, count, names: names?.length === count ? names : null, problemType }
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

/** Metadata that tells of the labels of a head among these tensors: their names, where they have names of their own, and what they are, where config.json says it. */
export function labelMetadata(
  tensors: Iterable<{ readonly name: string }>,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const names = Object.values((config.id2label ?? {}) as Record<string, unknown>)
  const problemType = problemTypeOf(config)
  if (![...tensors].some(({ name }) => OUTPUT.test(name))) return {}
  return {
    ...(names.some((name, index) => name !== `LABEL_${index}`) ? { [NAMES]: JSON.stringify(names) } : {}),
    ...(problemType === undefined ? {} : { [PROBLEM]: problemType }),
  }
}

function problemIn(text: string | undefined): ProblemType | null {
  try {
    return problemTypeOf({ problem_type: text }) ?? null
  } catch {
    return null // somebody else's
  }
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
