/** What differs between Node and a browser. node.ts and browser.ts each export one; the browser's build swaps the former for the latter. */
import type { ModelFiles } from '../files/model-files.js'
import type { OutputFolder } from '../files/output-folder.js'
import type { HubEnvironment, HubOptions } from '../hub/environment.js'
import type { HubReference } from '../hub/repository.js'
import type { FileToUpload } from '../hub/upload.js'
import type { FileGroup } from '../hub/wanted-files.js'

/** Options of opening a repository of the hub. */
export interface RepositoryOptions extends HubOptions {
  readonly groups?: readonly FileGroup[]
  readonly subfolder?: string
}

/** The surroundings that files and the hub need. Where there is no disk, the functions of folders throw source.unknown. */
export interface Platform {
  /** What lies at a path of the local disk. */
  kindOf(path: string): Promise<'folder' | 'file' | 'none'>
  /** The first bytes of a local file, enough for its signature; none where it cannot be read. */
  beginningOf(path: string): Promise<Uint8Array>
  folderFiles(path: string): ModelFiles
  folderOutput(path: string): OutputFolder
  /** Flushes the names of a local folder. Throws the system's error. */
  syncFolder(path: string): Promise<void>
  /** Every file below a local folder, for an upload; hidden ones are left out. */
  filesBelow(path: string): Promise<readonly FileToUpload[]>
  /** The path of a `file:` address. */
  pathOf(address: URL): string
  hubEnvironment(): Promise<HubEnvironment>
  openRepository(reference: HubReference, options: RepositoryOptions): Promise<ModelFiles>
}
