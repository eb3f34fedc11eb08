/**
 * One run at a time in an output folder: a file that is made exclusively and says who holds it. A lock of a process that is gone is
 * taken over, and what it left half-written is removed.
 */
import { randomBytes } from 'node:crypto'
import { constants, readFileSync, unlinkSync } from 'node:fs'
import { copyFile, link, lstat, readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { hostname, uptime } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { EspalierError } from '@espalier/core'
import { openTarget, textContent, writeError } from '@espalier/serialization'
import { clearLeftovers } from './leftovers.js'
import { isOurs, runs } from './live-process.js'
import { bootId, processStart } from './process-start.js'
import { finishPublication } from './publication.js'
import { LOCK_FILE } from './run-names.js'
import { shellWord } from './shell-word.js'

/** A held lock. */
export interface RunLock {
  readonly folder: string
  /** Lets go of what is still this run's, and removes the folder when the lock made it and nothing was written. */
  release(): Promise<void>
}

interface Holder {
  readonly pid: number
  readonly host: string
  readonly started: string
  /** When its process started; null where that cannot be known. */
  readonly processStarted: string | null
  /** The start of the machine that it runs in; null where that has no name. */
  readonly boot: string | null
  readonly token: string
}

/** Takes the lock of a folder, which is made; a checkpoint that a killed run was replacing is put back, and what it had published only in part is moved to its place. Throws run.locked when another run holds it, file.write. */
export async function lockFolder(folder: string): Promise<RunLock> {
  const path = resolve(folder, LOCK_FILE)
  const existed = await stat(folder).then(
    () => true,
    () => false,
  )
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
    processStarted: (await processStart(process.pid)) ?? null,
    boot: (await bootId()) ?? null,
    token: randomBytes(8).toString('hex'),
  }
  if (!(await claim(folder, holder))) throw locked(folder, await readHolder(path))
  hold(path, holder.token)
  const lock: RunLock = {
    folder,
    async release() {
      letGo(path)
      if ((await readHolder(path))?.token === holder.token) await unlink(path).catch(() => {})
      if (!existed) await rmdir(folder).catch(() => {}) // it holds files, as it should
    },
  }
  try {
    await clearLeftovers(folder)
    await finishPublication(folder)
    return lock
  } catch (error) {
    await lock.release()
    throw error
  }
}

const ATTEMPTS = 3 // a stale lock may be taken over by another run meanwhile
const SECOND_MS = 1000

async function claim(folder: string, holder: Holder): Promise<boolean> {
  const path = resolve(folder, LOCK_FILE)
  // The lock appears with its content: nobody reads half of it.
  const own = besideName()
  await openTarget(folder).write(own, textContent(`${JSON.stringify(holder)}\n`))
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await placed(join(folder, own), path)) return true
      await requireFile(path)
      const other = await readHolder(path)
      if (other !== undefined && (await isAlive(other, path))) return false
      await removeStale(path, other)
    }
    return false
  } finally {
    await unlink(join(folder, own)).catch(() => {})
  }
}

/** Whether a file is at a path now that was free. */
async function placed(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path)
    return true
  } catch (error) {
    if (isTaken(error)) return false
  }
  try {
    // Not every file system has links.
    await copyFile(from, path, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (isTaken(error)) return false
    throw writeError(LOCK_FILE, dirname(path), error)
  }
}

/** A folder is no lock that could be stale, and a pipe would be waited for. Throws file.write. */
async function requireFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found !== undefined && !found.isFile()) throw writeError(LOCK_FILE, dirname(path), new Error('it is no file'))
}

/** Moves a stale lock away. One that another run has put there meanwhile is put back. */
async function removeStale(path: string, stale: Holder | undefined): Promise<void> {
  const aside = join(dirname(path), besideName())
  try {
    await rename(path, aside)
  } catch {
    return // another run was quicker
  }
  const moved = await readHolder(aside)
  if (moved?.token !== stale?.token) await placed(aside, path)
  await unlink(aside).catch(() => {})
}

async function readHolder(path: string): Promise<Holder | undefined> {
  return readFile(path, 'utf8').then(holderIn, () => undefined)
}

/** The holder that a lock's text names; undefined where it is none, or half of one. */
function holderIn(text: string): Holder | undefined {
  try {
    const { pid, host, started, processStarted, boot, token } = JSON.parse(text) as Partial<Holder>
    if (!Number.isInteger(pid) || typeof host !== 'string' || Number.isNaN(Date.parse(String(started))))
      return undefined
    const born = typeof processStarted === 'string' ? processStarted : null
    return {
      pid: pid as number,
      host,
      started: String(started),
      processStarted: born,
      boot: typeof boot === 'string' ? boot : null,
      token: String(token),
    }
  } catch {
    return undefined
  }
}

/** Whether the holder may still run. Of other machines nothing is known. Clocks are set, so what names a start of the machine and a process goes before them. */
async function isAlive({ pid, host, started, processStarted, boot }: Holder, path: string): Promise<boolean> {
  if (host !== hostname()) return true
  const present = boot === null ? undefined : await bootId()
  if (present !== undefined && present !== boot) return false // from before this machine was started
  if (pid === process.pid) return held.has(path)
  if (!runs(pid)) return false
  if (processStarted !== null) {
    const now = await processStart(pid)
    if (now !== undefined) return now === processStarted // otherwise another process has its id now
    if (isOurs(pid)) return false // it has ended meanwhile, or its parent has not asked how it ended
  }
  return present !== undefined || Date.parse(started) >= Date.now() - (uptime() + 1) * SECOND_MS
}

function besideName(): string {
  return `${LOCK_FILE}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST'
}

function locked(folder: string, holder: Holder | undefined): EspalierError {
  const { pid, host, started } = holder ?? {}
  return new EspalierError('run.locked', {
    what: 'another run writes to this folder',
    got: { folder, pid: pid ?? null, host: host ?? null, started: started ?? null },
    fix: `Wait for it or stop it, or choose another output folder. If it is gone${host === undefined || host === hostname() ? '' : `, which only ${host} knows`}, take the folder over: ${commandToTakeOver(folder)}`,
  })
}

/** The command that removes the lock of a holder that is gone. */
export function commandToTakeOver(folder: string): string {
  return `${process.platform === 'win32' ? 'del' : 'rm'} ${shellWord(resolve(folder, LOCK_FILE))}`
}

/** Paths of locks, and their tokens. */
const held = new Map<string, string>()

function hold(path: string, token: string): void {
  if (held.size === 0) process.on('exit', removeHeld)
  held.set(path, token)
}

function letGo(path: string): void {
  held.delete(path)
  if (held.size === 0) process.off('exit', removeHeld)
}

function removeHeld(): void {
  for (const [path, token] of held) {
    try {
      if (holderIn(readFileSync(path, 'utf8'))?.token === token) unlinkSync(path)
    } catch {
      // Already gone.
    }
  }
}
