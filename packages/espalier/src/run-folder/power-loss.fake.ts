/**
 * A disk that loses power: what was written to a folder since it was last flushed is gone. For tests, which put `watched` in the place of
 * node:fs/promises. Contents are kept when a file is flushed, names when their folder is; nothing else survives, which is the worst that a
 * file system may do.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'

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

/** What a loss of power would leave. */
export class PowerLoss {
  private readonly root: FolderNode = { kind: 'folder', names: new Map(), flushed: new Map() }
  private listening: (() => Promise<void> | void) | undefined

  /** @param path a folder that exists; what it holds is on the disk */
  constructor(private readonly path: string) {
    this.take(this.root, path)
  }

  /** Called after each operation that changes the folder. */
  onOperation(listener: () => Promise<void> | void): void {
    this.listening = listener
  }

  /** Writes what would be left to another folder. */
  leave(target: string): void {
    leaveFolder(this.root, target)
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
          if (node?.kind === 'folder') node.flushed = new Map(node.names)
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

  private put(path: string, node: Node): void {
    const folder = this.find(dirname(path))
    if (folder?.kind === 'folder' && !folder.names.has(basename(path))) folder.names.set(basename(path), node)
  }

  private move(from: string, to: string): void {
    const node = this.find(from)
    this.drop(from)
    this.drop(to)
    if (node !== undefined) this.put(to, node)
  }

  private drop(path: string): void {
    const folder = this.find(dirname(path))
    if (folder?.kind === 'folder') folder.names.delete(basename(path))
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

function leaveFolder({ flushed }: FolderNode, target: string): void {
  mkdirSync(target, { recursive: true })
  for (const [name, node] of flushed) {
    if (node.kind === 'folder') leaveFolder(node, join(target, name))
    else writeFileSync(join(target, name), node.flushed ?? '')
  }
}
