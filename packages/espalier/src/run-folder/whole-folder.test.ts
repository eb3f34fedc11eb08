import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { removeWhole, writeWhole } from './whole-folder.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-whole-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const at = (name: string) => join(root, name)
async function fill(folder: string, text: string): Promise<void> {
  mkdirSync(folder)
  writeFileSync(join(folder, 'a'), text)
}

describe('writeWhole', () => {
  it('shows a folder when it is filled, and replaces the one before', async () => {
    for (const text of ['one', 'two']) {
      await writeWhole(at('it'), async (beside) => {
        await fill(beside, text)
        expect(readdirSync(root).filter((name) => !name.startsWith('.'))).toEqual(text === 'one' ? [] : ['it'])
      })
      expect(readFileSync(at('it/a'), 'utf8')).toBe(text)
    }
    expect(readdirSync(root)).toEqual(['it'])
  })

  it('leaves what was there, and nothing else, when filling or renaming fails', async () => {
    await fill(at('it'), 'old')
    const full = new Error('the disk is full')
    const failing = writeWhole(at('it'), async (beside) => {
      await fill(beside, 'half')
      throw full
    })
    await expect(failing).rejects.toBe(full)
    const unfilled = writeWhole(at('it'), async () => {}) // there is no folder to rename
    await expect(unfilled).rejects.toMatchObject({ code: 'file.write' })
    expect(readdirSync(root)).toEqual(['it'])
    expect(readFileSync(at('it/a'), 'utf8')).toBe('old')
  })
})

describe('removeWhole', () => {
  it('deletes a folder, and is quiet where there is none', async () => {
    await fill(at('it'), 'old')
    await removeWhole(at('it'))
    await removeWhole(at('it'))
    expect(readdirSync(root)).toEqual([])
  })

  it('says that it could not', async () => {
    const name = 'x'.repeat(250) // there is no room for a longer one beside it
    await fill(at(name), 'old')
    await expect(removeWhole(at(name))).rejects.toMatchObject({ code: 'file.write', details: { file: name } })
    expect(readdirSync(root)).toEqual([name])
  })
})
