/** The recipes of CONTRIBUTING.md and the paths in the guides, held against the code that they speak of. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeBlocks } from './page-code.js'
import { faultsOf } from './type-faults.js'
import { root } from './workspaces.js'

const guides = ['.github/CONTRIBUTING.md', 'ARCHITECTURE.md', 'README.md', 'docs/plugins.md', 'docs/from-python.md']
const TABLES = /fail to compile:([^.]*(?:\.ts[^.]*)*)\. A test/

describe('the guides', () => {
  it.each(guides)('%s names files and folders that exist', (guide) => {
    const text = readFileSync(join(root, guide), 'utf8')
    const lost = [...pathsIn(text)].filter(
      (path) => !placesOf(guide, path).some((place) => existsSync(join(root, place))),
    )
    expect(lost).toEqual([])
  })

  it('of packages link to guides that the umbrella package ships', () => {
    const folders = ['packages', 'plugins'].flatMap((parent) =>
      readdirSync(join(root, parent)).map((name) => join(root, parent, name, 'README.md')),
    )
    const linked = folders
      .filter((path) => existsSync(path))
      .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/unpkg\.com\/espalier\/docs\/([\w.-]+)/g)])
      .map(([, name]) => name as string)
    expect(linked).toContain('plugins.md')
    const shipped = ['README.md', 'ARCHITECTURE.md', ...readdirSync(join(root, 'docs'))]
    expect(linked.filter((name) => !shipped.includes(name))).toEqual([])
  })

  it('CONTRIBUTING.md describes every script of package.json that a contributor calls', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const text = readFileSync(join(root, '.github/CONTRIBUTING.md'), 'utf8')
    const silent = Object.keys(scripts).filter(
      (name) => !['build', 'test:unit'].includes(name) && !new RegExp(`npm (?:run )?${name}\\b`).test(text),
    )
    expect(silent).toEqual([])
  })
})

describe('docs/plugins.md', () => {
  it('shows plugins that compile', { timeout: 240_000 }, () => {
    const blocks = codeBlocks(readFileSync(join(root, 'docs/plugins.md'), 'utf8'))
    const examples = new Map([...blocks].map(([name, text]) => [join(root, `docs/${name}.ts`), text]))
    expect([...examples.keys()].map((path) => basename(path))).toEqual(
      expect.arrayContaining(['gain.ts', 'thin.ts', 'drift.ts', 'rowScaled.ts', 'seedOss.ts', 'small.ts', 'reader.ts']),
    )
    expect(faultsOf([...examples.keys()], examples)).toEqual([])
  })
})

describe('adding a tuner', () => {
  const tuners = readdirSync(join(root, 'plugins')).filter((name) => name.startsWith('tuner-'))
  const read = (path: string) => readFileSync(join(root, path), 'utf8')

  it.each(tuners)('%s is where the recipe says', (name) => {
    const whole = `@espalier/${name}`
    const { peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(
      read('packages/espalier/package.json'),
    ) as Record<string, Record<string, unknown>>
    expect(peerDependencies).toHaveProperty([whole])
    expect(peerDependenciesMeta?.[whole]).toEqual({ optional: true })
    expect(devDependencies).toHaveProperty([whole])
    const { dependencies } = JSON.parse(read('tools/interop/package.json')) as Record<string, object>
    expect(dependencies).toHaveProperty([whole])
    for (const path of ['packages/espalier/src/auto/tuners.ts', 'README.md', 'docs/from-python.md'])
      expect(read(path), path).toContain(whole)
  })
})

describe('adding an op', () => {
  it('makes the compiler name the tables that the recipe names, and no other file', { timeout: 240_000 }, () => {
    const text = readFileSync(join(root, '.github/CONTRIBUTING.md'), 'utf8')
    const named = [...(TABLES.exec(text)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, path]) => path)
    expect(named.length).toBeGreaterThan(0)
    expect(filesThatLack('hypot').sort()).toEqual(named.sort())
  })
})

/** Files that no longer compile once the union of ops has one more member. */
function filesThatLack(op: string): string[] {
  const union = join(root, 'packages/core/src/graph/op-attrs.ts')
  const text = readFileSync(union, 'utf8').replace(/export interface OpAttrs \{/, `$& ${op}: Record<never, never>;`)
  const entries = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'src/index.ts'))
  const files = faultsOf(entries, new Map([[union, text]])).map(({ file }) => file)
  return [...new Set(files)]
}

/** Where a guide's path may be: from the root, below `packages`, in a package's sources (core/module), or beside the guide. */
function placesOf(guide: string, path: string): string[] {
  return [path, `packages/${path}`, `packages/${path.replace('/', '/src/')}`, join(dirname(guide), path)]
}

/** Paths in backticks and links: those with a slash and a known ending, or a folder of the repository. */
function pathsIn(text: string): Set<string> {
  const quoted = [...text.matchAll(/`([\w.@-]+(?:\/[\w.@-]+)+)`/g)].map(([, path]) => path as string)
  const linked = [...text.matchAll(/\]\(([\w./-]+)\)/g)].map(([, path]) => path as string)
  const isPath = (path: string) => /^(packages|plugins|tools|examples|docs|core|src)\//.test(path)
  return new Set([...quoted.filter((path) => isPath(path) && !path.startsWith('src/')), ...linked])
}
