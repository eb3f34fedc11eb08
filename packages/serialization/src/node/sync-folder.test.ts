import type * as Promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { expect, it, vi } from 'vitest'
import { openTarget, syncFolder, textContent } from '../index.js'
import { folderOutput } from './folder-output.js'

const disk = vi.hoisted(() => ({ says: undefined as string | undefined }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Promises>()
  const open = async (path: string, flags?: string) => {
    const handle = await real.open(path, flags)
    const { says } = disk
    if (flags === 'r' && says !== undefined)
      handle.sync = () => Promise.reject(Object.assign(new Error(`${says}: fsync`), { code: says }))
    return handle
  }
  return { ...real, open }
})

it.each(['EINVAL', 'EPERM', 'EISDIR'])('asks nothing of a system that flushes no folders: %s', async (says) => {
  disk.says = says
  await syncFolder(tmpdir())
})

it('says that the disk failed, and of which folder or file', async () => {
  const folder = `${tmpdir()}/espalier-sync-${process.pid}`
  disk.says = undefined
  await folderOutput(folder).write('a', textContent('a'))
  try {
    disk.says = 'EIO'
    await expect(syncFolder(folder)).rejects.toMatchObject({ code: 'file.write', details: { reason: 'EIO' } })
    const writing = openTarget(folder).write('b', textContent('b'))
    await expect(writing).rejects.toMatchObject({ code: 'file.write', details: { file: 'b', reason: 'EIO' } })
  } finally {
    const { rm } = await import('node:fs/promises')
    await rm(folder, { recursive: true, force: true })
  }
})
