import { describe, expect, it } from 'vitest'
import { checkFile } from './file-rules.js'

describe('checkFile', () => {
  it('accepts 400 lines and reports 401', () => {
    expect(checkFile('packages/core/src/a.ts', 'x\n'.repeat(400))).toEqual([])
    expect(checkFile('packages/core/src/a.ts', 'x\n'.repeat(401))).toEqual([expect.stringContaining('401 lines')])
  })

  it('reports names that say nothing and names that are not kebab-case', () => {
    for (const name of ['utils.ts', 'helpers.ts', 'common.ts', 'LoraConfig.ts'])
      expect(checkFile(`packages/core/src/${name}`, '')).toHaveLength(1)
    expect(checkFile('packages/core/src/shape.test.ts', '')).toEqual([])
  })

  it('reports paths of a machine and registry addresses with their line', () => {
    // Put together here, so that the check does not find this file.
    const path = ['', 'home', 'someone', 'model'].join('/')
    const registry = ['https:/', 'registry.example', 'x'].join('/')
    expect(checkFile('docs/a.md', `one\nsee ${path}\n`)).toEqual([expect.stringContaining('docs/a.md:2')])
    expect(checkFile('package-lock.json', `"resolved": "${registry}"`)).toHaveLength(1)
  })

  it('reports links of a package that lead out of it', () => {
    const text = 'see [plugins](../../docs/plugins.md) and [all](https://example.org/all)'
    expect(checkFile('packages/core/README.md', text)).toEqual([expect.stringContaining('../../docs/plugins.md')])
    expect(checkFile('README.md', text)).toEqual([])
  })

  it('accepts relative paths and addresses that only contain such words', () => {
    expect(checkFile('docs/a.md', 'src/home/x, https://example.org/home/x, ./work/x')).toEqual([])
  })
})
