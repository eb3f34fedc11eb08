/**
 * The cache of 16-bit weights widened to f32, one file per source file and set of ranges. Files appear whole or not at all, are keyed
 * by the identity of their source, and the least recently used ones go when the folder grows past its limit.
 */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { decodeF16Array, EspalierError } from '@espalier/core'

/** Where widened weights are kept and how much of them. */
export interface CacheSettings {
  readonly folder: string
  readonly maxBytes: number
}

/** A range of 16-bit floats in a file. */
export interface Range {
  readonly offset: number
  readonly byteLength: number
  readonly dtype: 'f16' | 'bf16'
}

/** A range and where its widened values begin in the cache file. */
export interface Segment extends Range {
  readonly widenedOffset: number
}

/** A file of widened values. */
export interface WidenedFile {
  readonly path: string
  /** The segment whose range begins at an offset of the source file. */
  segmentAt(offset: number): Segment
}

interface WidenOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (doneBytes: number) => void
}

const ALIGNMENT = 64 // bytes; a cache line, and what vector loads like
const CHUNK = 4 << 20 // bytes of the source read at a time
const SUFFIX = '.f32'
const FORMAT = 2 // of the files; with another number all are made anew
const ABANDONED_MS = 24 * 60 * 60 * 1000 // a temporary file this old belongs to a process that died

/** The folder that is used unless the caller names one: ESPALIER_CACHE, else the user's cache folder. */
export function defaultCacheFolder(): string {
  const { ESPALIER_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env
  if (ESPALIER_CACHE) return join(ESPALIER_CACHE, 'weights')
  const base = XDG_CACHE_HOME || (process.platform === 'win32' && LOCALAPPDATA) || join(homedir(), '.cache')
  return join(base, 'espalier', 'weights')
}

/** The widened form of ranges of a file, made now unless it is there. Throws file.read, file.write; `signal` stops it and leaves nothing. */
export async function widenedFile(
  source: string,
  ranges: readonly Range[],
  cache: CacheSettings,
  options: WidenOptions = {},
): Promise<WidenedFile> {
  const segments = layOut(ranges)
  const path = join(cache.folder, `${await keyOf(source, segments)}${SUFFIX}`)
  const result = {
    path,
    segmentAt: (offset: number) => segments.find((segment) => segment.offset === offset) as Segment,
  }
  const byteLength = endOf(segments)
  const found = await stat(path).catch(() => undefined)
  if (found?.size === byteLength) {
    const now = new Date()
    await utimes(path, now, now).catch(() => {}) // only the order of eviction depends on it
    options.onProgress?.(segments.reduce((sum, segment) => sum + segment.byteLength, 0))
    return result
  }
  try {
    await mkdir(cache.folder, { recursive: true })
    await makeRoom(cache, byteLength, path)
    await writeWhole(path, source, segments, options)
  } catch (cause) {
    if (options.signal?.aborted || EspalierError.isInstance(cause)) throw cause
    throw new EspalierError('file.write', {
      what: 'the cache of widened weights cannot be written',
      got: {
        folder: cache.folder,
        neededBytes: byteLength,
        reason: (cause as NodeJS.ErrnoException).code ?? String(cause),
      },
      fix: 'Free some space, name another folder in ESPALIER_CACHE, or pass weightCache: false to widen inside the graph.',
      cause,
    })
  }
  return result
}

async function writeWhole(
  path: string,
  source: string,
  segments: readonly Segment[],
  options: WidenOptions,
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomUUID()}.tmp`
  const from = await open(source, constants.O_RDONLY)
  try {
    const to = await open(temporary, 'wx')
    try {
      await widenAll(from, to, source, segments, options)
      await to.sync() // later only the size is looked at, and that may reach the disk before the values
    } finally {
      await to.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await from.close()
  }
}

async function widenAll(
  from: FileHandle,
  to: FileHandle,
  source: string,
  segments: readonly Segment[],
  { signal, onProgress }: WidenOptions,
): Promise<void> {
  const bytes = new Uint8Array(CHUNK)
  let done = 0
  for (const { offset, byteLength, dtype, widenedOffset } of segments) {
    for (let at = 0; at < byteLength; ) {
      signal?.throwIfAborted()
      const wanted = Math.min(CHUNK, byteLength - at)
      const { bytesRead } = await from.read(bytes, 0, wanted, offset + at)
      if (bytesRead !== wanted) {
        throw new EspalierError('file.read', {
          what: 'a weight file ended too early',
          got: { file: source, offset: offset + at, byteLength: wanted, read: bytesRead },
        })
      }
      const widened = widen(new Uint16Array(bytes.buffer, 0, wanted / 2), dtype)
      await writeAll(to, widened, widenedOffset + 2 * at)
      at += wanted
      done += wanted
      onProgress?.(done)
    }
  }
}

// One call may write less than it was given: on a disk that is nearly full, or above what the system writes at once.
async function writeAll(to: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await to.write(bytes, done, bytes.byteLength - done, position + done)
    done += bytesWritten
  }
}

const scratch = new Uint32Array(CHUNK / 2)
let halves: Uint32Array | undefined // the bits of every half-precision number as f32

function widen(bits: Uint16Array, dtype: 'f16' | 'bf16'): Uint8Array {
  if (dtype === 'bf16') for (let i = 0; i < bits.length; i++) scratch[i] = (bits[i] as number) << 16
  else {
    halves ??= new Uint32Array(decodeF16Array(Uint16Array.from({ length: 1 << 16 }, (_, i) => i)).buffer)
    for (let i = 0; i < bits.length; i++) scratch[i] = halves[bits[i] as number] as number
  }
  return new Uint8Array(scratch.buffer, 0, bits.length * 4)
}

function layOut(ranges: readonly Range[]): Segment[] {
  let end = 0
  const unique = new Map(ranges.map((range) => [range.offset, range]))
  return [...unique.values()]
    .sort((a, b) => a.offset - b.offset)
    .map((range) => {
      const widenedOffset = Math.ceil(end / ALIGNMENT) * ALIGNMENT
      end = widenedOffset + 2 * range.byteLength
      return { ...range, widenedOffset }
    })
}

function endOf(segments: readonly Segment[]): number {
  const last = segments[segments.length - 1]
  return last === undefined ? 0 : last.widenedOffset + 2 * last.byteLength
}

const SAMPLE = 1 << 16 // bytes read from the start and the end

// Path, size and time of change name the content; samples of it catch a file that was replaced within the clock's resolution.
async function keyOf(source: string, segments: readonly Segment[]): Promise<string> {
  const hash = createHash('sha256')
  let file: FileHandle
  try {
    file = await open(source, constants.O_RDONLY)
  } catch (cause) {
    throw new EspalierError('file.read', {
      what: 'a weight file cannot be read',
      got: { file: source, reason: (cause as NodeJS.ErrnoException).code },
      cause,
    })
  }
  try {
    const { size, mtimeMs } = await file.stat()
    hash.update(JSON.stringify([FORMAT, source, size, mtimeMs, segments]))
    for (const position of [0, Math.max(0, size - SAMPLE)]) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(SAMPLE), 0, SAMPLE, position)
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex').slice(0, 40)
}

// A mapped file that is removed stays readable to those who have it.
async function makeRoom({ folder, maxBytes }: CacheSettings, needed: number, keep: string): Promise<void> {
  const files: { path: string; size: number; usedMs: number }[] = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined || path === keep) continue
    if (name.endsWith('.tmp') && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true })
    else if (name.endsWith(SUFFIX)) files.push({ path, size: found.size, usedMs: found.mtimeMs })
  }
  let total = needed + files.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of files.sort((a, b) => a.usedMs - b.usedMs)) {
    if (total <= maxBytes) return
    await rm(path, { force: true }).catch(() => {}) // Windows keeps a mapped file; the next time will do
    total -= size
  }
}
