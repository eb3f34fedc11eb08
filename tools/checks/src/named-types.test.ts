import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { programOf } from './export-docs.js'
import { unnamedTypes } from './named-types.js'

it('unnamedTypes names the types that users of an entry meet and cannot import', () => {
  const folder = mkdtempSync(join(tmpdir(), 'named-types-'))
  try {
    const source = join(folder, 'src/index.ts')
    mkdirSync(join(folder, 'src'))
    writeFileSync(
      join(folder, 'src/part.ts'),
      `export interface Told { x: number }
export interface Met { x: number }
export interface Kept { x: number }
type Shorthand = string
export class Part {
  constructor(private readonly met: Met) {}
  private kept?: Kept
  /** @internal */
  readonly secret?: Kept
  told(x: Shorthand): Told {
    const y: Kept = { x: 1 }
    return y
  }
}
`,
    )
    writeFileSync(source, `export { Part, type Told } from './part'\n`)
    const options = { noLib: true, types: [] }
    const isOurs = (file: string) => file.startsWith(folder)
    const entries = [{ specifier: 'x', source }]
    expect(unnamedTypes(programOf(entries, options), entries, isOurs)).toEqual([
      'x: Part uses Met, which is not exported',
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
