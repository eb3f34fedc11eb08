/** What linking changes in the package's folder, written down before anything is changed, so that it can be undone. */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import type { TensorflowInstall } from './find-tensorflow.js'
import { inFolder } from './in-folder.js'

const NOTE = 'espalier-link.json'
const ASIDE = '.before-espalier'
/** Folders that linking replaces: libraries and headers, the built addon, and what the compiler leaves. */
const FOLDERS = ['deps', 'lib', 'build']

interface Note {
  readonly tensorflow: string
  /** The process that is at work; absent once it is done. */
  readonly linking?: number
  /** Folders that were there and stand aside. */
  readonly aside: readonly string[]
}

/** Whether a package is linked. */
export function isLinked(folder: string): boolean {
  return existsSync(join(folder, NOTE))
}

/** Throws config.value while another process links the package. */
export function refuseWhileLinking(folder: string): void {
  const linking = isLinked(folder) ? read(folder)?.linking : undefined
  if (linking !== undefined && linking !== process.pid && runs(linking)) throw busy(folder, linking)
}

/** Notes that linking is done. Throws file.write. */
export function finishLinking(folder: string): void {
  const { linking: _, ...note } = { tensorflow: '', aside: [], ...read(folder) }
  inFolder(folder, () => withNote(folder, note, renameSync))
}

/** Sets aside what is there, and places links to TensorFlow's libraries and headers. Returns a line per change. Throws file.write; config.value when something already stands aside or another process is at work. */
export function placeFiles(folder: string, tensorflow: TensorflowInstall): string[] {
  if (isLinked(folder)) throw busy(folder, read(folder)?.linking)
  const left = FOLDERS.map((name) => `${name}${ASIDE}`).filter((name) => existsSync(join(folder, name)))
  if (left.length > 0) {
    throw new EspalierError('config.value', {
      what: 'folders that an earlier linking set aside are left, without its note',
      got: { folder, left },
      fix: 'Rename them to what they were before, or install the package again.',
    })
  }
  return inFolder(folder, () => place(folder, tensorflow))
}

function place(folder: string, tensorflow: TensorflowInstall): string[] {
  const aside = FOLDERS.filter((name) => existsSync(join(folder, name)))
  writeFirst(folder, { tensorflow: tensorflow.libraryFolder, linking: process.pid, aside })
  try {
    return setUp(folder, tensorflow, aside)
  } catch (cause) {
    putBack(folder, aside)
    throw cause
  }
}

function setUp(folder: string, tensorflow: TensorflowInstall, aside: readonly string[]): string[] {
  const changes: string[] = []
  for (const name of aside) {
    renameSync(join(folder, name), join(folder, `${name}${ASIDE}`))
    changes.push(`set aside ${name} as ${name}${ASIDE}`)
  }
  mkdirSync(join(folder, 'deps', 'lib'), { recursive: true })
  // Only the linker reads these. At run time the addon finds the libraries where they lie, since they look for CUDA from there.
  const links = [
    ['deps/include', tensorflow.include],
    ['deps/lib/libtensorflow.so', tensorflow.main],
    ['deps/lib/libtensorflow_framework.so', tensorflow.framework],
  ] as const
  for (const [name, target] of links) {
    symlinkSync(target, join(folder, name))
    changes.push(`linked ${name} -> ${target}`)
  }
  return changes
}

/** Puts the package back as it was before `placeFiles`. Returns a line per change. Throws backend.missing when it was not linked, file.json, file.write. */
export function removeFiles(folder: string): string[] {
  if (!isLinked(folder)) {
    throw new EspalierError('backend.missing', {
      what: 'this tfjs-node was not linked, so there is nothing to undo',
      got: { folder },
    })
  }
  const aside = noted(folder)
  return inFolder(folder, () => putBack(folder, aside))
}

// Whoever makes the note does the work: of two commands at once only one can.
function writeFirst(folder: string, note: Note): void {
  try {
    withNote(folder, note, linkSync) // fails where there is one
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw busy(folder, read(folder)?.linking)
    throw cause
  }
}

// The note is whole from its first moment: half of one could not be undone.
function withNote(folder: string, note: Note, put: (whole: string, place: string) => void): void {
  const whole = join(folder, `${NOTE}.${process.pid}`)
  try {
    writeFileSync(whole, `${JSON.stringify(note, null, 2)}\n`)
    put(whole, join(folder, NOTE))
  } finally {
    rmSync(whole, { force: true })
  }
}

function read(folder: string): Partial<Note> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, NOTE), 'utf8')) as Partial<Note>
  } catch {
    return undefined // undoing reports it
  }
}

function runs(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // somebody else's
  }
}

function busy(folder: string, linking: number | undefined): EspalierError {
  return new EspalierError('config.value', {
    what: 'another process is linking this package',
    got: { folder, process: linking },
    fix: 'Wait until it is done.',
  })
}

function noted(folder: string): readonly string[] {
  const aside = read(folder)?.aside
  if (Array.isArray(aside)) return aside
  throw new EspalierError('file.json', {
    what: 'the note of what linking changed cannot be read',
    got: { file: join(folder, NOTE) },
    fix: 'Install the package again.',
  })
}

function putBack(folder: string, aside: readonly string[]): string[] {
  const changes: string[] = []
  for (const name of FOLDERS) {
    const [own, before] = [join(folder, name), join(folder, `${name}${ASIDE}`)]
    const returns = aside.includes(name)
    // Interrupted before it was set aside: what is there is the original.
    if (returns && !existsSync(before)) continue
    if (existsSync(own)) changes.push(`removed ${name}`)
    rmSync(own, { recursive: true, force: true })
    if (returns) {
      renameSync(before, own)
      changes.push(`put back ${name}`)
    }
  }
  rmSync(join(folder, NOTE), { force: true }) // another undo may be as far
  return changes
}
