/** Models that are only there as GGUF files of llama.cpp: refused with what to use instead. */
import { EspalierError } from '@espalier/core'
import type { ModelFiles } from './model-files.js'

/** The error for a GGUF file where a model's folder is wanted. got: the file, or the folder with its files. */
export function ggufError(got: Readonly<Record<string, unknown>>): EspalierError {
  return new EspalierError('model.gguf', {
    what: 'the model is a GGUF file of llama.cpp, and those cannot be read',
    got,
    fix: 'Use the model that it was made from, a folder or hub repository with config.json and model.safetensors; or write one in Python: AutoModelForCausalLM.from_pretrained(folder, gguf_file=file).save_pretrained(...).',
  })
}

/** Throws model.gguf for a folder whose only weights are GGUF files. */
export async function refuseGguf(files: ModelFiles): Promise<void> {
  const names = await files.list()
  const gguf = names.filter((name) => /\.gguf$/i.test(name))
  if (gguf.length > 0 && !names.some((name) => name.endsWith('.safetensors')))
    throw ggufError({ folder: files.description, files: gguf })
}
