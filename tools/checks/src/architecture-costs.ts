/** What each architecture costs, counted by imports: the files it reaches within the models package, and who else reaches them. */
import { resolveRelative, type SourceFile } from './import-graph.js'

/** A source file with its imports and its lines, comments and imports included. */
export interface CountedFile extends SourceFile {
  readonly lines: number
}

/** Files and their lines. */
export interface Size {
  readonly files: number
  readonly lines: number
}

/** An architecture's cost. */
export interface ArchitectureCost {
  readonly modelType: string
  /** Its own file. */
  readonly own: Size
  /** All that it is made of. */
  readonly reached: Size
  /** What of that another architecture is made of too. */
  readonly shared: Size
  /** What none before it was made of. */
  readonly added: Size
}

/** Costs of several architectures, and of all together. */
export interface ArchitectureCosts {
  readonly each: readonly ArchitectureCost[]
  readonly all: Size
  /** What of that more than one is made of. */
  readonly shared: Size
}

/** The file of an architecture below a folder: `gpt_neox` is gpt-neox.ts. */
export function architectureFile(folder: string, modelType: string): string {
  return `${folder}/${modelType.replaceAll('_', '-')}.ts`
}

/** Costs of architectures in the order they are given, which is that of `added`. Throws where one has no file. */
export function architectureCosts(
  files: readonly CountedFile[],
  folder: string,
  modelTypes: readonly string[],
): ArchitectureCosts {
  const known = new Map(files.map((file) => [file.path, file]))
  const reached = modelTypes.map((modelType) => reachedFrom(architectureFile(folder, modelType), known))
  const users = new Map<string, number>()
  for (const path of reached.flatMap((paths) => [...paths])) users.set(path, (users.get(path) ?? 0) + 1)
  const before = new Set<string>()
  const size = (paths: readonly string[]): Size => ({
    files: paths.length,
    lines: paths.reduce((sum, path) => sum + (known.get(path)?.lines ?? 0), 0),
  })
  const isShared = (path: string) => (users.get(path) ?? 0) > 1
  const each = modelTypes.map((modelType, i) => {
    const paths = [...(reached[i] ?? [])]
    const added = paths.filter((path) => !before.has(path))
    for (const path of added) before.add(path)
    return {
      modelType,
      own: size([architectureFile(folder, modelType)]),
      reached: size(paths),
      shared: size(paths.filter(isShared)),
      added: size(added),
    }
  })
  const all = [...users.keys()]
  return { each, all: size(all), shared: size(all.filter(isShared)) }
}

/** A file and all that it imports, directly or not, among the files that are known. Other packages are not followed. */
function reachedFrom(start: string, known: ReadonlyMap<string, CountedFile>): Set<string> {
  if (!known.has(start)) throw new Error(`there is no ${start}`)
  const found = new Set<string>()
  const open = [start]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue
    found.add(path)
    for (const { specifier } of known.get(path)?.imports ?? []) {
      const target = resolveRelative(path, specifier, (candidate) => known.has(candidate))
      if (specifier.startsWith('.') && target !== undefined) open.push(target)
    }
  }
  return found
}
