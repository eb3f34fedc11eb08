import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderOutput } from '../node/folder-output.js'
import { directoryHandle } from './directory-handle.fake.js'
import { handleOutput } from './handle-output.js'
import { memoryFolder, textContent, writeError } from './output-folder.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-output-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** Content that gives one part and then fails. */
async function* failing(error: unknown): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1, 2, 3)
  throw error
}

const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

/** Runs a script in another process, where `output` is the folder; gives what it printed. */
async function inChild(script: string, before = ''): Promise<string> {
  const module = pathToFileURL(join(import.meta.dirname, '../node/folder-output.ts')).href
  const whole = `const { folderOutput } = await import(${JSON.stringify(module)})
    const output = folderOutput(${JSON.stringify(root)})
    ${script}`
  const command = `${before} exec "$0" --import tsx --input-type=module -e "$1"`
  const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, whole], {
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  })
  return stdout
}

describe.each([
  ['a local folder', () => folderOutput(root)],
  ['a directory handle', () => handleOutput(directoryHandle(new Map()))],
  ['memory', () => memoryFolder()],
])('OutputFolder in %s', (_, make) => {
  it('writes files and folders and reads them back', async () => {
    const output = make()
    await output.write('a.txt', textContent('one'))
    await output.write('a.txt', textContent('two'))
    await output.folder('b').write('c.txt', textContent('three'))
    expect(await output.readText('a.txt')).toBe('two')
    expect(await output.readText('b/c.txt')).toBe('three')
    expect(await output.readText('absent')).toBeUndefined()
  })

  it('keeps the old file when the content fails', async () => {
    const output = make()
    await output.write('a', textContent('old'))
    await expect(output.write('a', failing(full))).rejects.toBeDefined()
    expect(await output.readText('a')).toBe('old')
    await expect(output.write('new', failing(full))).rejects.toBeDefined()
    expect(await output.readText('new')).toBeUndefined()
  })

  it('keeps the old file when it is aborted, and rejects with the reason', async () => {
    const output = make()
    await output.write('a', textContent('old'))
    const controller = new AbortController()
    const content = (async function* () {
      yield Uint8Array.of(1)
      controller.abort('enough')
      yield Uint8Array.of(2)
    })()
    await expect(output.write('a', content, { signal: controller.signal })).rejects.toBe('enough')
    expect(await output.readText('a')).toBe('old')
  })

  it('refuses names that leave the folder', async () => {
    await expect(make().write('../a', textContent(''))).rejects.toMatchObject({ code: 'file.name' })
  })
})

describe('folderOutput', () => {
  it('leaves nothing behind when the disk is full or the write is aborted', async () => {
    const output = folderOutput(root)
    await expect(output.write('a', failing(full))).rejects.toMatchObject({
      code: 'file.write',
      what: expect.stringContaining('disk is full'),
      details: { file: 'a', folder: root, reason: 'ENOSPC' },
    })
    await expect(output.write('a', [], { signal: AbortSignal.abort('x') })).rejects.toBe('x')
    expect(readdirSync(root)).toEqual([])
  })

  it('replaces a symlink instead of writing through it', async () => {
    mkdirSync(join(root, 'cache'))
    writeFileSync(join(root, 'cache', 'blob'), 'shared')
    symlinkSync('cache/blob', join(root, 'model'))
    await folderOutput(root).write('model', textContent('mine'))
    expect(readFileSync(join(root, 'cache', 'blob'), 'utf8')).toBe('shared')
    expect(readFileSync(join(root, 'model'), 'utf8')).toBe('mine')
  })

  it('reports a folder that cannot be made', async () => {
    writeFileSync(join(root, 'file'), '')
    await expect(folderOutput(join(root, 'file', 'below')).write('a', [])).rejects.toMatchObject({ code: 'file.write' })
  })

  it.runIf(process.platform === 'linux')('reports a place where the system lets nobody make a folder', async () => {
    await expect(folderOutput('/proc/self/a/b').write('a', [])).rejects.toMatchObject({
      code: 'file.write',
      details: { reason: 'ENOENT' },
    })
  })

  it('makes the folders above a file', async () => {
    await folderOutput(join(root, 'x', 'y', '..', 'z')).write('deep/a', textContent('there'))
    expect(readFileSync(join(root, 'x', 'z', 'deep', 'a'), 'utf8')).toBe('there')
  })

  it.runIf(process.platform !== 'win32')(
    'leaves nothing behind when the process exits in the middle of a file',
    async () => {
      const printed = await inChild(`
      const content = (async function* () {
        yield new Uint8Array(10)
        await new Promise((resolve) => setTimeout(resolve, 50))
        console.log((await import('node:fs')).readdirSync(${JSON.stringify(root)}).length)
        process.exit(0)
      })()
      await output.write('a', content)`)
      expect(printed.trim()).toBe('1')
      expect(readdirSync(root)).toEqual([])
    },
  )

  // A file size limit is the nearest to a full disk that needs no rights; there is none on Windows.
  it.runIf(process.platform !== 'win32')('survives a real limit of the system in the middle of a file', async () => {
    await folderOutput(root).write('a', textContent('old'))
    const stdout = await inChild(
      `const parts = Array.from({ length: 8 }, () => new Uint8Array(2 ** 19))
      await output.write('a', parts).then(() => console.log('written'), (e) => console.log(e.code, e.details.reason))`,
      'ulimit -f 1024;',
    )
    expect(stdout.trim()).toBe('file.write EFBIG')
    expect(readdirSync(root)).toEqual(['a'])
    expect(readFileSync(join(root, 'a'), 'utf8')).toBe('old')
  })
})

describe('handleOutput', () => {
  it('names a full disk and leaves nothing behind', async () => {
    const blobs = new Map<string, Blob>()
    const output = handleOutput(directoryHandle(blobs, { failAfter: 2 }))
    await expect(output.write('a', [Uint8Array.of(1, 2, 3)])).rejects.toMatchObject({
      code: 'file.write',
      what: expect.stringContaining('disk is full'),
    })
    expect(blobs.size).toBe(0)
  })
})

describe('memoryFolder', () => {
  it('gives its files as blobs', async () => {
    const memory = memoryFolder()
    await memory.folder('b').write('c', textContent('x'))
    expect([...memory.toFiles().keys()]).toEqual(['b/c'])
  })
})

describe('writeError', () => {
  it('passes on an EspalierError as it is', () => {
    const own = writeError('a', 'b', full)
    expect(writeError('c', 'd', own)).toBe(own)
  })
})
