/** What a file is by its first bytes, whatever its name says: archives and formats that are often taken for text or for weights. */

/** A kind of file. */
export interface FileSignature {
  /** Its name as people write it. */
  readonly name: string
  /** `compressed` and `archive`: what is meant lies inside. */
  readonly kind: 'compressed' | 'archive' | 'format'
}

/** How many bytes are looked at. */
export const SIGNATURE_BYTES = 16

const ANY = -1 // a byte that may be any
const of = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0))

const signatures: readonly (FileSignature & { readonly bytes: readonly number[] })[] = [
  { name: 'gzip', kind: 'compressed', bytes: [0x1f, 0x8b] },
  { name: 'zstd', kind: 'compressed', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'xz', kind: 'compressed', bytes: [0xfd, ...of('7zXZ'), 0] },
  { name: 'lz4', kind: 'compressed', bytes: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'bzip2', kind: 'compressed', bytes: [...of('BZh'), ANY, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
  { name: 'zip', kind: 'archive', bytes: [...of('PK'), 3, 4] },
  { name: '7z', kind: 'archive', bytes: [...of('7z'), 0xbc, 0xaf, 0x27, 0x1c] },
  { name: 'GGUF', kind: 'format', bytes: [...of('GGUF'), ANY, 0, 0, 0] }, // its version, little-endian
  { name: 'Parquet', kind: 'format', bytes: of('PAR1') },
  { name: 'Arrow', kind: 'format', bytes: of('ARROW1') },
  { name: 'SQLite', kind: 'format', bytes: [...of('SQLite format 3'), 0] },
  { name: 'PDF', kind: 'format', bytes: of('%PDF-') },
]

/** The kind of a file that begins with these bytes; undefined where they are of no known kind, as those of text and safetensors. */
export function fileSignature(beginning: Uint8Array): FileSignature | undefined {
  return signatures.find(({ bytes }) =>
    bytes.every((byte, i) => (byte === ANY ? i < beginning.length : byte === beginning[i])),
  )
}
