/** GGUF files as sources of models and tokenizers: @espalier/gguf reads them, where it is installed. */
import { EspalierError, type Quantizer } from '@espalier/core'
import { type ModelFiles, openSource, type Source } from '@espalier/serialization'

/** What stands for a GGUF file. */
export interface GgufSource {
  readonly files: ModelFiles
  readonly quantizer: Quantizer
  /** What the file is called in an adapter's configuration. */
  readonly nameOrPath: string
}

const PACKAGE = '@espalier/gguf'
const PATH = /^(?:(.*)[/\\])?([^/\\]+\.gguf)$/i

/** The model in a GGUF file; undefined for another source. Throws plugin.unknown where its package is not installed, file.missing, source.unknown, gguf.*. */
export async function ggufSource(source: Source): Promise<GgufSource | undefined> {
  const path = source instanceof URL && source.protocol === 'file:' ? source.href : source
  const [, folder, name] = (typeof path === 'string' && PATH.exec(path)) || []
  if (typeof path !== 'string' || name === undefined || /^https?:/.test(path)) return undefined
  const { ggufFiles, ggufWeights } = await import('@espalier/gguf').catch(missing)
  if (ggufFiles === undefined) throw notInstalled() // webpack can be told to put an empty module in the place of a package
  const files = await openSource(folder === '' ? '/' : (folder ?? '.'))
  return { files: await ggufFiles(files, decodedName(path, name)), quantizer: ggufWeights(), nameOrPath: path }
}

function decodedName(path: string, name: string): string {
  return path.startsWith('file:') ? decodeURIComponent(name) : name
}

function missing(cause: unknown): never {
  const { message } = cause as { readonly message?: unknown }
  throw String(message).includes(PACKAGE) ? notInstalled(cause) : cause
}

function notInstalled(cause?: unknown): EspalierError {
  return new EspalierError('plugin.unknown', {
    what: 'GGUF files are read by a package of its own, which is not installed',
    got: { package: PACKAGE },
    fix: `Run npm install ${PACKAGE}`,
    cause,
  })
}
