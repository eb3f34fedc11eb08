import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { programOf, undocumentedExports } from './export-docs.js'

it('undocumentedExports names the exports without a doc comment, re-exports included', () => {
  const folder = mkdtempSync(join(tmpdir(), 'export-docs-'))
  try {
    const source = join(folder, 'index.ts')
    writeFileSync(join(folder, 'part.ts'), '/** Says what it is. */\nexport const told = 1\nexport const silent = 2\n')
    writeFileSync(source, `export { told, silent } from './part'\nexport interface Bare { x: number }\n`)
    const entries = [{ specifier: 'x', source }]
    expect(undocumentedExports(programOf(entries, { noLib: true, types: [] }), entries)).toEqual({
      problems: ['x: silent has no doc comment', 'x: Bare has no doc comment'],
      count: 3,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
