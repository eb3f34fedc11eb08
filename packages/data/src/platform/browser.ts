/** Files by path, where there are none: a browser gives a File or a Blob instead. */
import { EspalierError } from '@espalier/core'
import type { DataFile } from '../dataset/data-file.js'

/** Throws data.file: browsers have no paths. */
export function openPath(path: string | URL): DataFile {
  throw new EspalierError('data.file', {
    what: 'a browser cannot open a path',
    got: { path: String(path) },
    fix: 'Pass a File, a Blob or rows.',
  })
}
