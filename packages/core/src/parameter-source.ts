/** Where the bytes of a weight are. */
import { byteSize, type Spec } from './dtype.js'
import { type Shape, sizeOf } from './shape.js'

/** The bytes of a weight: little-endian, row-major, in the stored dtype. */
export interface ParameterSource extends Spec {
  /** Present when the bytes lie in one place of a local file: backends may map it. `path` is real (symlinks resolved). */
  readonly file?: { readonly path: string; readonly offset: number; readonly byteLength: number }
  /** Present when the bytes lie in several places: the sources that give them, one after another. */
  readonly parts?: readonly ParameterSource[]
  /** All bytes. */
  read(): Promise<Uint8Array>
}

/** One tensor of the values of several, one after another; all have one dtype. They are read one by one. */
export function joinedSource(parts: readonly ParameterSource[], shape: Shape): ParameterSource {
  const { dtype } = parts[0] as ParameterSource
  const read = async () => {
    const bytes = new Uint8Array(byteSize(dtype) * sizeOf(shape))
    let start = 0
    for (const part of parts) {
      const own = await part.read()
      bytes.set(own, start)
      start += own.length
    }
    return bytes
  }
  return { dtype, shape, parts, read }
}
