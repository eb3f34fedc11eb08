/**
 * What a model or adapter is read from: a folder of named files with random access. The implementations (local folder, directory
 * handle, map of blobs, hub) are in their own files; what the bytes mean is left to safetensors/, hf-config/ and adapter/.
 */
import { EspalierError, fileSignature, SIGNATURE_BYTES } from '@espalier/core'
import { checkFileName } from './file-name.js'
import { parseJson } from './strict-json.js'

/** One open file whose bytes can be read from anywhere. */
export interface RandomAccessFile {
  /** Name inside its folder, for messages. */
  readonly name: string
  /** Size in bytes. */
  readonly size: number
  /** Path on the local disk with every symlink resolved; absent where there is no disk. */
  readonly realPath?: string
  /** The bytes [start, end): exactly that many, or an error. */
  read(start: number, end: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** A folder of files to read from. Names are relative, with `/`; what would leave the folder is refused with `file.name`. */
export interface ModelFiles {
  /** Where the files are, for messages. */
  readonly description: string
  /** Path of the folder on the local disk, where there is one. */
  readonly path?: string
  /** The hub repository and commit behind the files, where known. */
  readonly hub?: { readonly repository: string; readonly commit: string }
  /** Opens a file; `file.missing` when there is none. */
  open(name: string): Promise<RandomAccessFile>
  exists(name: string): Promise<boolean>
  /** Names of the files directly in the folder, sorted. */
  list(): Promise<readonly string[]>
  /** The folder below this one; it need not exist. */
  folder(name: string): ModelFiles
}

const LARGEST_TEXT = 200 * 2 ** 20 // bytes; a tokenizer.json of a large vocabulary stays well below

/** The text of a UTF-8 file of at most `limit` bytes. Throws file.missing, file.size, file.encoding. */
export async function readText(files: ModelFiles, name: string, limit = LARGEST_TEXT): Promise<string> {
  const bytes = await readBytes(files, name, limit)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    const signature = fileSignature(bytes.subarray(0, SIGNATURE_BYTES))
    throw new EspalierError('file.encoding', {
      what: signature === undefined ? 'a file is not UTF-8 text' : `a file is ${signature.name} and not text`,
      got: { file: name, folder: files.description },
      fix:
        signature === undefined || signature.kind === 'format'
          ? 'Save it as UTF-8, or download it again.'
          : 'Decompress it under this name.',
      cause,
    })
  }
}

/** A JSON file as plain data; a key that occurs twice is refused. Throws file.missing, file.size, file.json. */
export async function readJson(files: ModelFiles, name: string, limit = LARGEST_TEXT): Promise<unknown> {
  return parseJson(await readText(files, name, limit), `${files.description}/${name}`)
}

/** A whole file of at most `limit` bytes. Throws file.missing, file.size. */
export async function readBytes(files: ModelFiles, name: string, limit = LARGEST_TEXT): Promise<Uint8Array> {
  checkFileName(name)
  const file = await files.open(name)
  try {
    if (file.size > limit) {
      throw new EspalierError('file.size', {
        what: 'a file is larger than it can sensibly be',
        got: { file: name, folder: files.description, byteLength: file.size, limit },
        fix: 'Check that it is the file its name says.',
      })
    }
    return await file.read(0, file.size)
  } finally {
    await file.close()
  }
}

/** The error for a file that is not there. `present`: names that are, when known. */
export function missingFile(name: string, folder: string, present?: readonly string[], cause?: unknown): EspalierError {
  return new EspalierError('file.missing', {
    what: 'a file is missing',
    got: { file: name, folder, ...(present === undefined ? {} : { present }) },
    fix: 'Check the folder, or download it again.',
    cause,
  })
}

/** The error for a read that found fewer bytes than the file had when it was opened. */
export function shortRead(
  file: { readonly name: string; readonly size: number },
  start: number,
  end: number,
): EspalierError {
  return new EspalierError('file.read', {
    what: 'a file ended before the bytes that were asked for',
    got: { file: file.name, start, end, byteLength: file.size },
    fix: 'The file was cut or is being written; download or write it again.',
  })
}
