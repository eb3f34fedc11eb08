/** Where the bytes of a data set come from. Formats are left to formats.ts. */

/** A file that can be read in parts. */
export interface DataFile {
  /** Shown in messages; its ending names the format. */
  readonly name: string
  byteLength(): Promise<number>
  /** Bytes start to end (exclusive), all of them. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** A Blob or File as a data file. name: needed for a Blob, which has none. */
export function blobFile(blob: Blob, name?: string): DataFile {
  const ownName = 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined
  return {
    name: name ?? ownName ?? 'data.jsonl',
    byteLength: async () => blob.size,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
  }
}

/** The file, read once as a whole at its first read if it has at most so many bytes. */
export function inMemory(file: DataFile, largest: number): DataFile {
  let whole: Promise<Uint8Array | undefined> | undefined
  const held = () => {
    whole ??= file.byteLength().then((byteLength) => (byteLength > largest ? undefined : file.read(0, byteLength)))
    whole.catch(() => {
      whole = undefined // the next read tries again
    })
    return whole
  }
  return {
    name: file.name,
    byteLength: () => file.byteLength(),
    read: async (start, end) => (await held())?.subarray(start, end) ?? file.read(start, end),
  }
}

/** Whether a value has the methods of a data file. */
export function isDataFile(value: unknown): value is DataFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as DataFile).read === 'function' &&
    typeof (value as DataFile).byteLength === 'function'
  )
}
