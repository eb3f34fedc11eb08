/** What may import what: between workspaces, between the folders of core, and no cycles. Works on plain data, so tests need no files. */
import { resolveRelative, type SourceFile } from './import-graph.js'

/** What the rules need to know of a workspace. */
export interface Package {
  readonly group: string
  readonly folder: string
  readonly name: string
}

/** Folders of core, each with the folders it may import; '' stands for the files directly in src. The index may import all. */
const CORE_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  '': [],
  graph: [''],
  autodiff: ['', 'graph'],
  transforms: ['', 'graph', 'autodiff'],
  nn: ['', 'graph'],
  module: ['', 'graph', 'nn'],
  backend: ['', 'graph', 'transforms'],
  model: ['', 'graph', 'nn', 'module'],
  tuner: ['', 'graph', 'nn', 'module', 'model', 'backend'],
  adapted: ['', 'graph', 'nn', 'module', 'model', 'backend', 'tuner'],
}

/** Groups and packages that compose the others and may import anything. */
const COMPOSERS = ['espalier', 'examples', 'tools']

/** Plugins that read models from files in forms of their own: what they import besides core; their tests load whole models. */
const READERS: Readonly<Record<string, { readonly source: readonly string[]; readonly tests: readonly string[] }>> = {
  '@espalier/gguf': {
    source: ['@espalier/serialization'],
    tests: ['@espalier/serialization', '@espalier/models', '@espalier/data'],
  },
}

const CORE = '@espalier/core'
const TESTKIT = '@espalier/testkit'

interface Edge {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

/** Every import that breaks a rule, as a sentence that names both ends and the rule. */
export function checkImports(files: readonly SourceFile[], packages: readonly Package[]): string[] {
  const problems: string[] = []
  const edges: Edge[] = []
  const paths = new Set(files.map(({ path }) => path))
  for (const file of files) {
    const owner = packages.find(({ folder }) => file.path.startsWith(`${folder}/`))
    for (const { specifier, typeOnly } of file.imports) {
      if (specifier.startsWith('.')) {
        const to = resolveRelative(file.path, specifier, (path) => paths.has(path))
        if (to === undefined) continue
        edges.push({ from: file.path, to, typeOnly })
        if (owner !== undefined) problems.push(...checkInside(file.path, to, owner))
        continue
      }
      const target = packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`))
      if (target === undefined || owner === undefined) continue
      if (target === owner)
        problems.push(`${file.path} imports its own package by name (${specifier}); use a relative path`)
      else if (!mayImport(owner, target, isTest(file.path)))
        problems.push(`${file.path} imports ${specifier}; ${owner.name} may import ${allowed(owner)}`)
      const entry = entryOf(target, specifier, paths)
      if (entry !== undefined) edges.push({ from: file.path, to: entry, typeOnly })
    }
  }
  return [...new Set(problems), ...checkCycles(edges, packages)]
}

/** Rules for an import by relative path: it stays in its package and, in core, follows the direction of the folders. */
function checkInside(from: string, to: string, owner: Package): string[] {
  // Configuration files beside src may share the ones at the root.
  if (!to.startsWith(`${owner.folder}/`))
    return from.startsWith(`${owner.folder}/src/`)
      ? [`${from} imports ${to} by path; import another package by its name`]
      : []
  if (
    owner.name !== CORE ||
    isTest(from) ||
    from === 'packages/core/src/index.ts' ||
    !from.startsWith('packages/core/src/')
  )
    return []
  if (to === 'packages/core/src/index.ts')
    return [`${from} imports the index of its own package; import the file itself`]
  const [source, target] = [coreFolder(from), coreFolder(to)]
  const rule = CORE_FOLDERS[source]
  if (rule === undefined)
    return [`the folder "${source}" of core is not in the table of tools/checks/src/graph-rules.ts`]
  if (source === target || rule.includes(target)) return []
  return [
    `${from} imports ${to}; core/${source} may import ${rule.map((name) => name || 'the files in src').join(', ') || 'nothing'}`,
  ]
}

function coreFolder(path: string): string {
  const parts = path.slice('packages/core/src/'.length).split('/')
  return parts.length > 1 ? (parts[0] ?? '') : ''
}

function mayImport(owner: Package, target: Package, test: boolean): boolean {
  if (COMPOSERS.includes(owner.group) || COMPOSERS.includes(owner.name)) return true
  if (target.name === CORE) return true
  if (READERS[owner.name]?.[test ? 'tests' : 'source'].includes(target.name)) return true
  return test && target.name === TESTKIT
}

function allowed(owner: Package): string {
  return owner.name === CORE ? 'nothing (its tests: testkit)' : `${CORE} only (its tests: testkit too)`
}

function isTest(path: string): boolean {
  return /\.(test|test-d|bench)\.ts$/.test(path)
}

function entryOf({ folder, name }: Package, specifier: string, paths: ReadonlySet<string>): string | undefined {
  const subpath = specifier.slice(name.length + 1)
  const source = `${folder}/src`
  const candidates =
    subpath === '' ? [`${source}/index.ts`] : [`${source}/${subpath}.ts`, `${source}/${subpath}/index.ts`]
  return candidates.find((path) => paths.has(path))
}

/** Cycles of files by value imports, and cycles of workspaces by any import outside tests. */
function checkCycles(edges: readonly Edge[], packages: readonly Package[]): string[] {
  const ownerOf = (path: string) => packages.find(({ folder }) => path.startsWith(`${folder}/`))?.folder ?? 'the root'
  const crossing = edges
    .filter(({ from }) => !isTest(from))
    .map(({ from, to, typeOnly }) => ({ from: ownerOf(from), to: ownerOf(to), typeOnly }))
    .filter(({ from, to }) => from !== to)
  const cycles = [...findCycles(edges.filter(({ typeOnly }) => !typeOnly)), ...findCycles(crossing)]
  return cycles.map((cycle) => `import cycle: ${[...cycle, cycle[0]].join(' -> ')}`)
}

/** Shortest cycles, each node in at most one of them. */
function findCycles(edges: readonly Edge[]): string[][] {
  const next = new Map<string, Set<string>>()
  for (const { from, to } of edges) next.set(from, (next.get(from) ?? new Set()).add(to))
  const seen = new Set<string>()
  const cycles: string[][] = []
  for (const start of next.keys()) {
    if (seen.has(start)) continue
    const cycle = shortestCycle(start, next)
    if (cycle === undefined) continue
    cycles.push(cycle)
    for (const path of cycle) seen.add(path)
  }
  return cycles
}

/** The shortest way from a node back to itself, found breadth first. */
function shortestCycle(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    for (const to of next.get(current) ?? []) {
      if (to === start) {
        const cycle = [current]
        for (let at = current; at !== start; ) {
          at = cameFrom.get(at) ?? start
          cycle.unshift(at)
        }
        return cycle
      }
      if (cameFrom.has(to)) continue
      cameFrom.set(to, current)
      queue.push(to)
    }
  }
  return undefined
}
