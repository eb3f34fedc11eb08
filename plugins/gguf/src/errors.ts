/** Errors of GGUF files. */
import { EspalierError } from '@espalier/core'

interface Named {
  readonly name: string
}

/** The file is not what the format demands. */
export function badHeader(what: string, file: Named, got: Readonly<Record<string, unknown>> = {}): EspalierError {
  return new EspalierError('gguf.header', {
    what,
    got: { file: file.name, ...got },
    fix: 'The file is damaged or of another format; download it again.',
  })
}

/** The file is whole, and holds what is not read here. */
export function unsupportedGguf(
  what: string,
  file: Named,
  got: Readonly<Record<string, unknown>> = {},
  fix = 'Use the model that it was made from: a folder or hub repository with config.json and model.safetensors.',
): EspalierError {
  return new EspalierError('gguf.unsupported', { what, got: { file: file.name, ...got }, fix })
}
