/** Type tests: tsc compiles them, nothing runs. */
import type { DirectoryHandle } from './directory-handle.js'
import type { Source, Target } from './open-source.js'

declare const picked: FileSystemDirectoryHandle

/** What a browser gives is taken as it is. */
export const handle: DirectoryHandle = picked
export const places: readonly [Source, Target] = [picked, picked]
