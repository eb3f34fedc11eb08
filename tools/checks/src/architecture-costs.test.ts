import { describe, expect, it } from 'vitest'
import { architectureCosts, type CountedFile } from './architecture-costs.js'
import { architecturePage, listedArchitectures } from './architecture-page.js'

const file = (name: string, lines: number, ...imports: string[]): CountedFile => ({
  path: `m/${name}.ts`,
  lines,
  imports: ['@espalier/core', ...imports].map((specifier) => ({ specifier, typeOnly: false })),
})

// Two families over the same parts, and one that is the second with other settings.
const files = [
  file('one', 100, './parts/norm.js', './parts/only.js'),
  file('parts/norm', 20, './deep.js'),
  file('parts/deep', 5),
  file('parts/only', 7),
  file('two_b', 1),
  file('two-b', 40, './parts/norm.js'),
  file('three', 10, './two-b.js'),
]

describe('architectureCosts', () => {
  const costs = architectureCosts(files, 'm', ['one', 'two_b', 'three'])

  it('follows imports, within the folder, to files that others share', () => {
    expect(costs.each).toEqual([
      {
        modelType: 'one',
        own: { files: 1, lines: 100 },
        reached: { files: 4, lines: 132 },
        shared: { files: 2, lines: 25 },
        added: { files: 4, lines: 132 },
      },
      {
        modelType: 'two_b',
        own: { files: 1, lines: 40 },
        reached: { files: 3, lines: 65 },
        shared: { files: 3, lines: 65 },
        added: { files: 1, lines: 40 },
      },
      {
        modelType: 'three',
        own: { files: 1, lines: 10 },
        reached: { files: 4, lines: 75 },
        shared: { files: 3, lines: 65 },
        added: { files: 1, lines: 10 },
      },
    ])
  })

  it('says which architecture has no file', () => {
    expect(() => architectureCosts(files, 'm', ['one', 'gone'])).toThrow('m/gone.ts')
  })

  it('holds the seventh against the first', () => {
    const many = Array.from({ length: 6 }, (_, i) => file(`f${i}`, 5, './one.js'))
    const page = architecturePage(architectureCosts([...files, ...many], 'm', ['one', ...many.map((_, i) => `f${i}`)]))
    expect(page).toContain('The first brought 132 lines in 4 files, the seventh 5 in 1: 4 %')
  })

  it('is a page with a row each, from which the order can be read', () => {
    const page = architecturePage(costs)
    expect(listedArchitectures(page)).toEqual(['one', 'two_b', 'three'])
    expect(page).toContain('| 3 | `three` | 10 | 4 | 75 | 87 % | 10 in 1 |')
    expect(page).toContain('182 lines in 6 files; 65 of them (36 %), in 3 files, are of more than one architecture')
    expect(page).not.toContain('seventh')
  })
})
