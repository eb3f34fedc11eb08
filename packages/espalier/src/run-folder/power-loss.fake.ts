/**
 * A disk that loses power: of what was done to a folder since it was last flushed, some may be gone. For tests, which put `watched` in the
 * place of node:fs/promises. Contents are kept when a file is flushed, names when their folder is. Of the rest nothing survives, which is
 * the worst in most cases, or what a seed chooses: operations up to a moment, as a file system with a journal keeps them, those of each
 * folder up to a moment of its own, or any of them in order; contents whole, cut, full of zeros, or in sectors.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { type Drawing, drawing } from '../drawing.fake.js'

interface FileNode {
  readonly kind: 'file'
  flushed: Buffer | undefined
}

interface FolderNode {
  readonly kind: 'folder'
  readonly names: Map<string, Node>
  flushed: Map<string, Node>
}

type Node = FileNode | FolderNode

interface Place {
  readonly folder: FolderNode
  readonly name: string
}

/** A name that comes, goes or both: a renaming is never half done but where the folder that it leads to is flushed, and the other is not. */
interface Operation {
  readonly adds?: Place & { readonly node: Node }
  readonly removes?: Place
}

type Names = ReadonlyMap<FolderNode, Map<string, Node>>

/** What a loss of power would leave. */
export class PowerLoss {
  private readonly root: FolderNode = { kind: 'folder', names: new Map(), flushed: new Map() }
  private listening: (() => Promise<void> | void) | undefined
  /** Since the folders that they touch were flushed, in order. */
  private pending: readonly Operation[] = []

  /** @param path a folder that exists; what it holds is on the disk */
  constructor(private readonly path: string) {
    this.take(this.root, path)
  }

  /** Called after each operation that changes the folder. */
  onOperation(listener: () => Promise<void> | void): void {
    this.listening = listener
  }

  /** Writes what would be left to another folder: without a seed only what was flushed. */
  leave(target: string, seed?: number): void {
    const draw = seed === undefined ? undefined : drawing(seed)
    const left: Names = draw === undefined ? new Map() : namesLeft(this.pending, draw)
    const paths = new Map<Node, string>()
    livePaths(this.root, this.path, paths)
    leaveFolder(this.root, target, {
      namesOf: (folder) => left.get(folder) ?? folder.flushed,
      contentOf: (file) => (draw === undefined ? file.flushed : contentLeft(file, paths.get(file), draw)) ?? '',
    })
  }

  /** node:fs/promises, watched. */
  watched(real: typeof Promises): typeof Promises {
    const after = async <T>(work: Promise<T>, note: (value: T) => void, paths: readonly unknown[]): Promise<T> => {
      const value = await work
      if (paths.every((path) => !this.isInside(path))) return value
      note(value)
      await this.listening?.()
      return value
    }
    return {
      ...real,
      open: (async (path: string, flags?: string, mode?: number) => {
        const handle = await real.open(path, flags, mode)
        if (!this.isInside(path)) return handle
        const isNew = this.find(path) === undefined
        if (isNew && flags !== 'r') this.put(path, { kind: 'file', flushed: undefined })
        const node = this.find(path)
        const sync = handle.sync.bind(handle)
        handle.sync = async () => {
          await sync()
          if (node?.kind === 'folder') this.flush(node)
          else if (node !== undefined) node.flushed = readFileSync(path)
          await this.listening?.()
        }
        return handle
      }) as typeof Promises.open,
      mkdir: ((path: string, options) =>
        after(
          real.mkdir(path, options),
          () => this.put(path, { kind: 'folder', names: new Map(), flushed: new Map() }),
          [path],
        )) as typeof Promises.mkdir,
      rename: ((from: string, to: string) =>
        after(real.rename(from, to), () => this.move(from, to), [from, to])) as typeof Promises.rename,
      link: ((from: string, to: string) =>
        after(real.link(from, to), () => this.put(to, this.find(from) as Node), [to])) as typeof Promises.link,
      unlink: ((path: string) => after(real.unlink(path), () => this.drop(path), [path])) as typeof Promises.unlink,
      rm: ((path: string, options) =>
        after(real.rm(path, options), () => this.drop(path), [path])) as typeof Promises.rm,
      rmdir: ((path: string) => after(real.rmdir(path), () => this.drop(path), [path])) as typeof Promises.rmdir,
    }
  }

  private isInside(path: unknown): boolean {
    return typeof path === 'string' && (resolve(path) + sep).startsWith(this.path + sep)
  }

  private find(path: string): Node | undefined {
    const names = resolve(path)
      .slice(this.path.length + 1)
      .split(sep)
      .filter(Boolean)
    return names.reduce<Node | undefined>(
      (node, name) => (node?.kind === 'folder' ? node.names.get(name) : undefined),
      this.root,
    )
  }

  private placeOf(path: string): Place | undefined {
    const folder = this.find(dirname(path))
    return folder?.kind === 'folder' ? { folder, name: basename(path) } : undefined
  }

  private put(path: string, node: Node): void {
    const place = this.placeOf(path)
    if (place !== undefined && !place.folder.names.has(place.name)) this.carryOut({ adds: { ...place, node } })
  }

  private move(from: string, to: string): void {
    const [node, removes, adds] = [this.find(from), this.placeOf(from), this.placeOf(to)]
    if (node !== undefined && adds !== undefined)
      this.carryOut({ ...(removes && { removes }), adds: { ...adds, node } })
  }

  /** A folder goes name by name, the inner ones first. */
  private drop(path: string): void {
    const place = this.placeOf(path)
    const node = this.find(path)
    if (place === undefined || node === undefined) return
    if (node.kind === 'folder') for (const name of [...node.names.keys()]) this.drop(join(path, name))
    this.carryOut({ removes: place })
  }

  private carryOut(operation: Operation): void {
    apply(operation, ({ names }) => names)
    this.pending = [...this.pending, operation]
  }

  private flush(folder: FolderNode): void {
    folder.flushed = new Map(folder.names)
    this.pending = this.pending.flatMap((operation) => {
      const { adds, removes } = operation
      if (removes?.folder === folder) {
        if (adds !== undefined && adds.folder !== folder) adds.folder.flushed.set(adds.name, adds.node)
        return []
      }
      if (adds?.folder !== folder) return [operation]
      return removes === undefined ? [] : [{ removes }]
    })
  }

  private take(folder: FolderNode, path: string): void {
    for (const name of readdirSync(path)) {
      const inner = join(path, name)
      const node: Node = statSync(inner).isDirectory()
        ? { kind: 'folder', names: new Map(), flushed: new Map() }
        : { kind: 'file', flushed: readFileSync(inner) }
      if (node.kind === 'folder') this.take(node, inner)
      folder.names.set(name, node)
      folder.flushed.set(name, node)
    }
  }
}

function apply({ adds, removes }: Operation, namesOf: (folder: FolderNode) => Map<string, Node>): void {
  if (removes !== undefined) namesOf(removes.folder).delete(removes.name)
  if (adds !== undefined) namesOf(adds.folder).set(adds.name, adds.node)
}

/** Names of folders after some of the operations that were not flushed. */
function namesLeft(pending: readonly Operation[], draw: Drawing): Names {
  const left = new Map<FolderNode, Map<string, Node>>()
  const namesOf = (folder: FolderNode) => {
    const names = left.get(folder) ?? new Map(folder.flushed)
    left.set(folder, names)
    return names
  }
  for (const operation of draw.of([upToAMoment, byFolder, any])(pending, draw)) apply(operation, namesOf)
  return left
}

type Choice = (pending: readonly Operation[], draw: Drawing) => readonly Operation[]

const upToAMoment: Choice = (pending, draw) => pending.slice(0, draw.below(pending.length + 1))

const byFolder: Choice = (pending, draw) => {
  const ends = new Map<FolderNode | undefined, number>()
  return pending.filter(({ adds, removes }, i) => {
    const folder = adds?.folder ?? removes?.folder
    const end = ends.get(folder) ?? draw.below(pending.length + 1)
    ends.set(folder, end)
    return i < end
  })
}

const any: Choice = (pending, draw) => pending.filter(() => draw.below(2) === 0)

const SECTOR = 512

/** What a file holds of what was written to it since it was flushed: its length may be on the disk before its bytes. */
function contentLeft({ flushed = Buffer.alloc(0) }: FileNode, path: string | undefined, draw: Drawing): Buffer {
  const written = path === undefined || !existsSync(path) ? flushed : readFileSync(path) // it goes at this moment
  if (written.equals(flushed)) return flushed
  const kept = written.subarray(0, flushed.length).equals(flushed) ? flushed.length : 0
  const end = kept + draw.below(written.length - kept + 1)
  const zeroed = (from: number, to: number) =>
    Buffer.from(written).fill(0, Math.max(kept, from), Math.max(kept, Math.min(to, written.length)))
  const sector = draw.below(Math.ceil(written.length / SECTOR)) * SECTOR
  return draw.of([
    () => flushed,
    () => written,
    () => written.subarray(0, end),
    () => zeroed(kept, written.length),
    () => zeroed(end, written.length),
    () => zeroed(sector, sector + SECTOR),
  ])()
}

function livePaths(folder: FolderNode, path: string, found: Map<Node, string>): void {
  for (const [name, node] of folder.names) {
    found.set(node, join(path, name))
    if (node.kind === 'folder') livePaths(node, join(path, name), found)
  }
}

interface Left {
  namesOf(folder: FolderNode): ReadonlyMap<string, Node>
  contentOf(file: FileNode): Buffer | string
}

function leaveFolder(folder: FolderNode, target: string, left: Left): void {
  mkdirSync(target, { recursive: true })
  for (const [name, node] of left.namesOf(folder)) {
    if (node.kind === 'folder') leaveFolder(node, join(target, name), left)
    else writeFileSync(join(target, name), left.contentOf(node))
  }
}
