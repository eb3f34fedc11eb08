/**
 * The King James Bible's verses out of Debian's package bible-kjv-text, which keeps them in its own container: windows of 64 KiB, each
 * compressed by LZW without its header. Neither the package nor its reader needs to be installed.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipLzw } from './gunzip-lzw.js'

const PACKAGE = 'bible-kjv-text'
const DATA_FILE = 'usr/lib/bible.data'
const TABLE_START = 0x58 // 32-bit words, most significant byte first: the number of windows, then where each begins, then the end
const WORD_BYTES = 4

/** One verse: the book and chapter it is from, such as `Ge1`, and its text. */
export interface Verse {
  readonly chapter: string
  readonly text: string
}

/** Downloads the package into a temporary folder and reads its verses in order. Needs apt-get, dpkg-deb and gzip. */
export async function kingJamesVerses(): Promise<Verse[]> {
  const run = promisify(execFile)
  const folder = await mkdtemp(join(tmpdir(), 'espalier-pretrain-'))
  try {
    await run('apt-get', ['download', PACKAGE], { cwd: folder })
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'))
    if (archive === undefined) throw new Error(`apt-get downloaded nothing for ${PACKAGE}`)
    await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: folder })
    return parseVerses(await unpackWindows(await readFile(join(folder, 'unpacked', DATA_FILE))))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The container's text. */
async function unpackWindows(file: Buffer): Promise<string> {
  const count = file.readUInt32BE(TABLE_START)
  const offset = (index: number) => file.readUInt32BE(TABLE_START + WORD_BYTES * (1 + index))
  const windows: string[] = []
  for (let i = 0; i < count; i++) windows.push(await gunzipLzw(file.subarray(offset(i), offset(i + 1))))
  return windows.join('')
}

/** Lines such as `Ge1:1 In the beginning ...`; anything else is left out. */
function parseVerses(text: string): Verse[] {
  return text.split('\n').flatMap((line) => {
    const found = /^([1-3]?[A-Za-z]+\d+):\d+ (.+)$/.exec(line)
    return found === null ? [] : [{ chapter: found[1] as string, text: (found[2] as string).trim() }]
  })
}
