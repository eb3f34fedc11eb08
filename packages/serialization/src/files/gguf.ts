/** GGUF files of llama.cpp where a folder is read: refused with who reads them. */
import { EspalierError } from '@espalier/core'
import type { ModelFiles } from './model-files.js'

/** The error for a GGUF file where a model's folder is wanted. got: the file, or the folder with its files. */
export function ggufError(got: Readonly<Record<string, unknown>>): EspalierError {
  return new EspalierError('model.gguf', {
    what: 'the model is a GGUF file of llama.cpp, and a folder is read here',
    got,
    fix: 'Give the path of the file itself to fromPretrained or --model, which read it with @espalier/gguf; or use the model that it was made from: a folder with config.json and model.safetensors.',
  })
}

/** Throws model.gguf for a folder whose only weights are GGUF files. */
export async function refuseGguf(files: ModelFiles): Promise<void> {
  const names = await files.list()
  const gguf = names.filter((name) => /\.gguf$/i.test(name))
  if (gguf.length > 0 && !names.some((name) => name.endsWith('.safetensors')))
    throw ggufError({ folder: files.description, files: gguf })
}
