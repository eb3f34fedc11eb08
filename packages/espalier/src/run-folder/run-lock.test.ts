import { execSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { EspalierError } from '@espalier/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bootId, processStart } from './process-start.js'
import { lockFolder } from './run-lock.js'
import { LOCK_FILE, RECORD, UNFINISHED } from './run-names.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'espalier-lock-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const write = (holder: object) => writeFileSync(join(root, LOCK_FILE), JSON.stringify(holder))
const now = () => new Date().toISOString()

describe('lockFolder', () => {
  it('lets one run in, names it to the others, and leaves nothing', async () => {
    const lock = await lockFolder(root)
    expect(JSON.parse(readFileSync(join(root, LOCK_FILE), 'utf8'))).toMatchObject({
      pid: process.pid,
      host: hostname(),
    })
    await expect(lockFolder(root)).rejects.toMatchObject({
      code: 'run.locked',
      details: { folder: root, pid: process.pid, host: hostname() },
      fix: expect.stringContaining('.espalier.lock') as string,
    })
    await lock.release()
    expect(readdirSync(root)).toEqual([])
    await (await lockFolder(root)).release()
  })

  it('leaves a lock that another run has taken since', async () => {
    const lock = await lockFolder(root)
    const other = { pid: process.ppid, host: hostname(), started: now(), token: 'of another run' }
    write(other)
    process.listeners('exit').at(-1)?.(0) // as where the process ends without letting go
    expect(JSON.parse(readFileSync(join(root, LOCK_FILE), 'utf8'))).toEqual(other)
    await lock.release()
    expect(JSON.parse(readFileSync(join(root, LOCK_FILE), 'utf8'))).toEqual(other)
  })

  it('lets go where the process ends', async () => {
    await lockFolder(root)
    process.listeners('exit').at(-1)?.(0)
    expect(readdirSync(root)).toEqual([])
  })

  it('lets one of many in', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(root)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(readdirSync(root)).toEqual([LOCK_FILE])
  })

  it.runIf(process.platform === 'linux')('knows a run by its process, not by a clock that was set', async () => {
    const processStarted = await processStart(process.ppid)
    const boot = await bootId()
    for (const holder of [
      { processStarted, boot },
      { processStarted }, // by an earlier version, which did not name the start of the machine
      { boot }, // whose process's start was not to be known
    ]) {
      write({ pid: process.ppid, host: hostname(), started: '2001-01-01T00:00:00Z', token: 'a', ...holder })
      await expect(lockFolder(root)).rejects.toMatchObject({ code: 'run.locked' })
    }
  })

  it('takes over the lock of a process that is gone, and a broken one', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const parentStarted = await processStart(process.ppid)
    for (const holder of [
      { pid, host: hostname(), started: now(), token: 'a' },
      { pid: process.pid, host: hostname(), started: now(), token: 'b' }, // this pid before the machine reused it
      { pid: process.ppid, host: hostname(), started: '2001-01-01T00:00:00Z', token: 'c' }, // before this machine started
      { pid: process.ppid, host: hostname(), started: now(), processStarted: 'another time', token: 'd' }, // its id was used again
      {
        pid: process.ppid,
        host: hostname(),
        started: now(),
        processStarted: parentStarted,
        boot: 'another',
        token: 'e',
      }, // before this machine started, whatever the clock says
      { nonsense: true },
    ]) {
      write(holder)
      await (await lockFolder(root)).release()
      expect(readdirSync(root)).toEqual([])
    }
  })

  // Windows keeps no process that has ended for its parent.
  it.skipIf(process.platform === 'win32')(
    'takes over from a process that was killed and whose parent never asks how it ended',
    async () => {
      const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer]
        const pid = Number(line.toString())
        const lock = { pid, host: hostname(), started: now(), processStarted: await processStart(pid), boot: await bootId(), token: 'z' } // biome-ignore format: one holder
        write(lock)
        await expect(lockFolder(root)).rejects.toMatchObject({ code: 'run.locked' })
        process.kill(pid, 'SIGKILL')
        await expect.poll(() => processStart(pid), { timeout: 10_000 }).toBeUndefined()
        expect(process.kill(pid, 0)).toBe(true) // the system still knows its id
        await (await lockFolder(root)).release()
      } finally {
        parent.kill('SIGKILL')
      }
    },
  )

  it('respects a live process, and one of another machine, of which it knows nothing', async () => {
    for (const holder of [
      { pid: process.ppid, host: hostname(), started: now(), token: 'a' },
      { pid: process.ppid, host: hostname(), started: now(), processStarted: await processStart(process.ppid), token: 'c' }, // biome-ignore format: one holder
      { pid: 1, host: 'elsewhere', started: '2001-01-01T00:00:00Z', token: 'b' },
    ]) {
      write(holder)
      await expect(lockFolder(root)).rejects.toMatchObject({ code: 'run.locked', details: { pid: holder.pid } })
      expect(readdirSync(root)).toEqual([LOCK_FILE])
    }
  })

  it('names the command that takes over from a machine that is gone', async () => {
    const folder = join(root, 'it is mine')
    mkdirSync(folder)
    writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid: 1, host: 'elsewhere', started: now(), token: 'b' }))
    const error = (await lockFolder(folder).catch((reason: unknown) => reason)) as EspalierError
    const command = /take the folder over: (.*)$/.exec(error.fix ?? '')?.[1] as string
    execSync(command)
    await (await lockFolder(folder)).release()
  })

  it('removes what killed processes left half-written in the folder, and touches nothing below it or of others', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    const own = [`.run.json.${pid}.0123abcd.tmp`, `.checkpoint-3.${pid}.0123abcd.tmp/a`]
    const others = [
      `.run.json.${process.ppid}.0123abcd.tmp`,
      `below/.run.json.${pid}.0123abcd.tmp`,
      `run.json.${pid}.0123abcd.tmp`,
      '.notes.tmp',
    ]
    for (const name of [...own, ...others]) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), '')
    }
    await (await lockFolder(root)).release()
    const left = readdirSync(root, { recursive: true }).map(String)
    expect(left.sort()).toEqual([...others, 'below'].sort())
  })

  it('lets go when what it finds cannot be finished', async () => {
    mkdirSync(join(root, 'a/in the way'), { recursive: true })
    mkdirSync(join(root, UNFINISHED))
    writeFileSync(join(root, UNFINISHED, 'a'), 'new')
    writeFileSync(join(root, RECORD), JSON.stringify({ removes: [] }))
    for (const _ of ['once', 'again'])
      await expect(lockFolder(root)).rejects.toMatchObject({ code: 'file.write', details: { file: 'a' } })
    expect(readdirSync(root)).not.toContain(LOCK_FILE)
  })

  it('is no folder and no pipe', async () => {
    const makes = [() => mkdirSync(join(root, LOCK_FILE)), () => execSync(`mkfifo ${join(root, LOCK_FILE)}`)]
    for (const make of process.platform === 'win32' ? makes.slice(0, 1) : makes) {
      make()
      await expect(lockFolder(root)).rejects.toMatchObject({ code: 'file.write', details: { file: LOCK_FILE } })
      expect(readdirSync(root)).toEqual([LOCK_FILE])
      rmSync(join(root, LOCK_FILE), { recursive: true })
    }
  })

  it('removes a folder that it made when nothing was written', async () => {
    const [empty, full] = [join(root, 'empty'), join(root, 'full')]
    await (await lockFolder(empty)).release()
    expect(existsSync(empty)).toBe(false)
    const lock = await lockFolder(full)
    writeFileSync(join(full, 'a'), '')
    await lock.release()
    expect(readdirSync(full)).toEqual(['a'])
  })
})
