import { expect, it } from 'vitest'
import { errorPage } from './error-page.js'

it('errorPage shows every code with when, example and remedy, areas together', () => {
  const entry = (name: string) => ({ when: `${name} happens`, example: `${name} (x=1).`, remedy: `Mend ${name}.` })
  const page = errorPage({ 'a.one': entry('one'), 'b.two': entry('two'), 'a.three': entry('three') })
  expect(page.match(/^##+ .*$/gm)).toEqual(['## a', '### `a.one`', '### `a.three`', '## b', '### `b.two`'])
  expect(page).toContain('Thrown when two happens.')
  expect(page).toContain('> two (x=1).')
  expect(page).toContain('Mend two.')
})
