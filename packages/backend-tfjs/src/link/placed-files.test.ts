/** Placing on a disk that is full: nothing stays that could not be undone. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { finishLinking, isLinked, placeFiles, removeFiles } from './placed-files.js'

const disk = vi.hoisted(() => ({ full: false }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const writeFileSync = (...[file, text, options]: Parameters<typeof fs.writeFileSync>) => {
    if (!disk.full) return fs.writeFileSync(file, text, options)
    fs.writeFileSync(file, '', options) // as a full disk does: the file is there, its text is not
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  return { ...fs, writeFileSync }
})

const tensorflow = {
  libraryFolder: '/tf',
  main: '/tf/a',
  framework: '/tf/b',
  include: '/tf/i',
  version: null,
  cuda: false,
}
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-placed-'))
  mkdirSync(join(folder, 'lib'))
})
afterEach(() => {
  disk.full = false
  rmSync(folder, { recursive: true })
})

it('leaves the package as it was when there is no room for the note', () => {
  disk.full = true
  expect(() => placeFiles(folder, tensorflow)).toThrow(expect.objectContaining({ code: 'file.write' }))
  expect(readdirSync(folder)).toEqual(['lib'])
})

it('can undo when there is no room to note that linking is done', () => {
  placeFiles(folder, tensorflow)
  disk.full = true
  expect(() => finishLinking(folder)).toThrow(expect.objectContaining({ code: 'file.write' }))
  expect(isLinked(folder)).toBe(true)
  removeFiles(folder)
  expect(readdirSync(folder)).toEqual(['lib'])
  expect(existsSync(join(folder, 'deps'))).toBe(false)
})
