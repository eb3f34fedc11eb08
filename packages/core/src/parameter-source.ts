/** Where the bytes of a weight are. */
import type { Spec } from './dtype.js'

/** The bytes of a weight: little-endian, row-major, in the stored dtype. */
export interface ParameterSource extends Spec {
  /** Present when the bytes lie in one place of a local file: backends may map it. `path` is real (symlinks resolved). */
  readonly file?: { readonly path: string; readonly offset: number; readonly byteLength: number }
  /** All bytes. */
  read(): Promise<Uint8Array>
}
