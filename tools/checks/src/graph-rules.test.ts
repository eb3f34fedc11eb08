import { describe, expect, it } from 'vitest'
import { checkImports } from './graph-rules.js'
import { importsOf } from './import-graph.js'

const packages = [
  { group: 'packages', folder: 'packages/core', name: '@espalier/core' },
  { group: 'packages', folder: 'packages/testkit', name: '@espalier/testkit' },
  { group: 'packages', folder: 'packages/models', name: '@espalier/models' },
  { group: 'packages', folder: 'packages/espalier', name: 'espalier' },
  { group: 'packages', folder: 'packages/serialization', name: '@espalier/serialization' },
  { group: 'plugins', folder: 'plugins/tuner-ia3', name: '@espalier/tuner-ia3' },
  { group: 'plugins', folder: 'plugins/gguf', name: '@espalier/gguf' },
]

function check(sources: Record<string, string>): string[] {
  return checkImports(
    Object.entries(sources).map(([path, text]) => ({ path, imports: importsOf(path, text) })),
    packages,
  )
}

describe('checkImports', () => {
  it('accepts imports that go one way', () => {
    const problems = check({
      'packages/core/src/index.ts': `export * from './graph/tensor.js'`,
      'packages/core/src/shape.ts': '',
      'packages/core/src/graph/tensor.ts': `import { size } from '../shape.js'`,
      'packages/testkit/src/index.ts': `import { add } from '@espalier/core'`,
      'packages/models/src/llama.ts': `import type { Module } from '@espalier/core'`,
      'packages/models/src/llama.test.ts': `import { checkBackend } from '@espalier/testkit'`,
      'packages/espalier/src/index.ts': `import '@espalier/models'; import '@espalier/core'`,
    })
    expect(problems).toEqual([])
  })

  it('reports a sibling package, even for a type', () => {
    const problems = check({ 'packages/testkit/src/a.ts': `import type { Llama } from '@espalier/models'` })
    expect(problems).toEqual([expect.stringContaining('@espalier/testkit may import @espalier/core only')])
  })

  it('reports core importing anything, and a plugin importing more than core', () => {
    const problems = check({
      'packages/core/src/a.ts': `const x = await import('@espalier/models')`,
      'plugins/tuner-ia3/src/index.ts': `export { lora } from 'espalier'`,
    })
    expect(problems).toHaveLength(2)
  })

  it('lets a plugin that reads files read them, and its tests load models', () => {
    const of = (path: string, specifier: string) => check({ [path]: `import '${specifier}'` })
    expect(of('plugins/gguf/src/a.ts', '@espalier/serialization')).toEqual([])
    expect(of('plugins/gguf/src/a.test.ts', '@espalier/models')).toEqual([])
    expect(of('plugins/gguf/src/a.ts', '@espalier/models')).toHaveLength(1)
    expect(of('plugins/tuner-ia3/src/a.ts', '@espalier/serialization')).toHaveLength(1)
  })

  it('reports testkit outside tests', () => {
    expect(check({ 'packages/models/src/a.ts': `import '@espalier/testkit'` })).toHaveLength(1)
  })

  it('reports another package reached by path', () => {
    const problems = check({
      'packages/models/src/a.ts': `import { b } from '../../core/src/b.js'`,
      'packages/core/src/b.ts': '',
    })
    expect(problems).toEqual([expect.stringContaining('by its name')])
  })

  it('reports a folder of core that imports against the direction', () => {
    const problems = check({
      'packages/core/src/module/linear.ts': `import type { Backend } from '../backend/backend.js'`,
      'packages/core/src/backend/backend.ts': '',
    })
    expect(problems).toEqual([expect.stringContaining('core/module may import')])
  })

  it('reports a folder of core that has no rule', () => {
    const problems = check({
      'packages/core/src/new/a.ts': `import '../shape.js'`,
      'packages/core/src/shape.ts': '',
    })
    expect(problems).toEqual([expect.stringContaining('not in the table')])
  })

  it('reports a cycle of values once and with its path', () => {
    const problems = check({
      'packages/models/src/a.ts': `import { b } from './b.js'`,
      'packages/models/src/b.ts': `import { c } from './c.js'`,
      'packages/models/src/c.ts': `import { a } from './a.js'`,
    })
    expect(problems).toEqual([
      'import cycle: packages/models/src/a.ts -> packages/models/src/b.ts -> packages/models/src/c.ts -> packages/models/src/a.ts',
    ])
  })

  it('accepts a cycle within a package that one type import closes', () => {
    const problems = check({
      'packages/models/src/a.ts': `import { b } from './b.js'`,
      'packages/models/src/b.ts': `import type { A } from './a.js'\nimport { type C } from './a.js'`,
    })
    expect(problems).toEqual([])
  })

  it('reports a cycle of types between packages', () => {
    const problems = check({
      'packages/espalier/src/index.ts': `import type { M } from '@espalier/models'`,
      'packages/models/src/index.ts': `type E = import('espalier').E`,
    })
    expect(problems).toContainEqual('import cycle: packages/espalier -> packages/models -> packages/espalier')
  })
})
