import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { folderFiles } from '../node/folder-files.js'
import { blobFiles } from './blob-files.js'
import { directoryHandle } from './directory-handle.fake.js'
import { handleFiles } from './handle-files.js'
import { type ModelFiles, readJson, readText } from './model-files.js'

const root = mkdtempSync(join(tmpdir(), 'espalier-files-'))
afterAll(() => rmSync(root, { recursive: true }))
const contents = { 'config.json': '{"a":1}', 'b/adapter_config.json': '{"r":8}', 'bad.txt': '\xff' }

function onDisk(): ModelFiles {
  mkdirSync(join(root, 'b'), { recursive: true })
  for (const [name, text] of Object.entries(contents)) writeFileSync(join(root, name), Buffer.from(text, 'latin1'))
  return folderFiles(root)
}

const blobs = () =>
  new Map(Object.entries(contents).map(([name, text]) => [name, new Blob([Buffer.from(text, 'latin1')])]))

describe.each([
  ['a local folder', onDisk],
  ['a map of blobs', () => blobFiles(blobs())],
  ['a directory handle', () => handleFiles(directoryHandle(blobs()))],
])('ModelFiles of %s', (_, make) => {
  it('lists, finds and reads files by range', async () => {
    const files = make()
    expect(await files.list()).toEqual(['bad.txt', 'config.json'])
    expect([await files.exists('config.json'), await files.exists('b'), await files.exists('x')]).toEqual([
      true,
      false,
      false,
    ])
    const file = await files.open('config.json')
    expect(file.size).toBe(7)
    expect(new TextDecoder().decode(await file.read(1, 4))).toBe('"a"')
    await file.close()
  })

  it('reads folders below, and files in them by path', async () => {
    const files = make()
    expect(await readJson(files.folder('b'), 'adapter_config.json')).toEqual({ r: 8 })
    expect(await readJson(files, 'b/adapter_config.json')).toEqual({ r: 8 })
    expect(await files.folder('absent').list()).toEqual([])
    expect(await files.folder('absent').exists('x')).toBe(false)
  })

  it('says what is missing, too large, not text, and refuses names that leave the folder', async () => {
    const files = make()
    await expect(files.open('x.json')).rejects.toMatchObject({ code: 'file.missing', details: { file: 'x.json' } })
    await expect(readText(files, 'config.json', 3)).rejects.toMatchObject({ code: 'file.size' })
    await expect(readText(files, 'bad.txt')).rejects.toMatchObject({ code: 'file.encoding' })
    await expect(files.open('../x')).rejects.toMatchObject({ code: 'file.name' })
    await expect(files.exists('/etc/passwd')).rejects.toMatchObject({ code: 'file.name' })
  })

  it('refuses to read beyond the end', async () => {
    const file = await make().open('config.json')
    await expect(file.read(0, 8)).rejects.toMatchObject({ code: 'file.read' })
  })
})

describe('folderFiles', () => {
  it('resolves symlinks, and notices a file that was cut after it was opened', async () => {
    writeFileSync(join(root, 'target'), 'abcdef')
    symlinkSync('target', join(root, 'link'))
    const file = await folderFiles(root).open('link')
    expect(file.realPath).toBe(realpathSync(join(root, 'target')))
    truncateSync(join(root, 'target'), 2)
    await expect(file.read(0, 6)).rejects.toMatchObject({ code: 'file.read' })
  })

  it('says that a folder is no file and that a folder does not exist', async () => {
    await expect(folderFiles(root).open('b')).rejects.toMatchObject({ code: 'file.read' })
    await expect(folderFiles(join(root, 'nowhere')).open('x')).rejects.toMatchObject({ code: 'file.missing' })
  })
})
