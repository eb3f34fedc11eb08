/** Changing a package's folder, with errors of the file system as errors of Espalier. */
import { EspalierError } from '@espalier/core'

/** Does the work. Throws file.write when the folder cannot be changed. */
export function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new EspalierError('file.write', {
      what: 'the package cannot be changed',
      got: { folder, code, message },
      fix: 'Make the folder writable for you, or install the package in a project of your own.',
      cause,
    })
  }
}
