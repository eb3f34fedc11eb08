/** Files that hold no text, whatever their name says: refused by their first bytes, with what to do. */
import { EspalierError, fileSignature } from '@espalier/core'

/** How endings of compressed files are called. */
const COMPRESSED: Readonly<Record<string, string>> = {
  '.gz': 'gzip',
  '.tgz': 'gzip',
  '.zst': 'zstd',
  '.xz': 'xz',
  '.bz2': 'bzip2',
  '.lz4': 'lz4',
  '.zip': 'zip',
  '.7z': '7z',
}

/** The error for a file whose ending says that it is compressed; undefined for other endings. */
export function compressedByName(file: string, extension: string): EspalierError | undefined {
  const name = COMPRESSED[extension]
  return name === undefined ? undefined : compressed(file, name)
}

/** Throws data.file for the beginning of a compressed file or of another format, config.unsupported for that of a parquet file. */
export function refuseOtherKinds(beginning: Uint8Array, file: string): void {
  const signature = fileSignature(beginning)
  if (signature === undefined) return
  const { name, kind } = signature
  if (kind !== 'format') throw compressed(file, name)
  if (name === 'Parquet') throw parquet(file)
  throw new EspalierError('data.file', {
    what: `a data file is a ${name} file, whatever its name says`,
    got: { file },
    fix: 'Convert it to JSONL: one JSON object a line.',
  })
}

/** The error for a parquet file. */
export function parquet(file: string): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'parquet files cannot be read yet',
    got: { file },
    fix: 'Convert the file to JSONL; in Python: Dataset.from_parquet(file).to_json("rows.jsonl").',
  })
}

function compressed(file: string, name: string): EspalierError {
  return new EspalierError('data.file', {
    what: `a data file is compressed (${name}), and compressed files are not read`,
    got: { file },
    fix: `Decompress it first${name === 'gzip' ? ': gunzip -c < FILE > rows.jsonl' : ''}.`,
  })
}
