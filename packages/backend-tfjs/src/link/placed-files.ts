/** What linking changes in the package's folder, written down before anything is changed, so that it can be undone. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
  /** Folders that were there and stand aside. */
  readonly aside: readonly string[]
}

/** Whether a package is linked. */
export function isLinked(folder: string): boolean {
  return existsSync(join(folder, NOTE))
}

/** Sets aside what is there, and places links to TensorFlow's libraries and headers. Returns a line per change. Throws file.write; config.value when something already stands aside. */
export function placeFiles(folder: string, tensorflow: TensorflowInstall): string[] {
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
  const note: Note = { tensorflow: tensorflow.libraryFolder, aside }
  writeFileSync(join(folder, NOTE), `${JSON.stringify(note, null, 2)}\n`)
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

function noted(folder: string): readonly string[] {
  try {
    const { aside } = JSON.parse(readFileSync(join(folder, NOTE), 'utf8')) as Note
    if (Array.isArray(aside)) return aside
  } catch {
    // reported below, as a note without its list is
  }
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
  rmSync(join(folder, NOTE))
  return changes
}
