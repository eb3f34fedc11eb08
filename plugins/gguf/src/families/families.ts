/** The families that are read, by `general.architecture`. */
import { unsupportedGguf } from '../errors.js'
import type { Metadata } from '../header/metadata.js'
import type { GgufFamily } from './family.js'
import { llama } from './llama.js'
import { qwen2, qwen3 } from './qwen.js'

const families: ReadonlyMap<string, GgufFamily> = new Map([llama, qwen2, qwen3].map((one) => [one.architecture, one]))

/** The family of a file. Throws gguf.unsupported. */
export function familyOf({ architecture, file }: Metadata): GgufFamily {
  const family = families.get(architecture)
  if (family !== undefined) return family
  throw unsupportedGguf('files of this architecture are not read', file, { architecture, known: [...families.keys()] })
}
