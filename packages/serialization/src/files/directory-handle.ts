/**
 * What is called of a browser's folders and files. The browser's own FileSystemDirectoryHandle fits; its name is not used, or no project
 * could be compiled without TypeScript's DOM library.
 */

/** A folder that a page was given: what `showDirectoryPicker()` and `navigator.storage.getDirectory()` give. */
export interface DirectoryHandle {
  readonly kind: 'directory'
  readonly name: string
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<DirectoryHandle>
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>
  removeEntry(name: string): Promise<void>
  /** Every browser has it; TypeScript's types do with the library DOM.AsyncIterable. */
  entries?(): AsyncIterable<readonly [string, { readonly kind: 'file' | 'directory' }]>
}

/** A file in such a folder. */
export interface FileHandle {
  getFile(): Promise<Blob>
  createWritable(): Promise<WritableFile>
}

/** A file that is being written; what was written is there once it is closed. */
export interface WritableFile {
  /** data: bytes. What browsers' types take has no name in a project without the DOM library. */
  write(data: unknown): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}
