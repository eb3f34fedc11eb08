/** What docs/plugins.md shows is a tuner that passes the suite. */
import { readFileSync } from 'node:fs'
import { checkTuner } from '@espalier/testkit'
import { describe, expect, it, test } from 'vitest'
import { gain } from './smallest-tuner.fake.js'

describe('the suite of tuners', () =>
  checkTuner(gain, { test, variants: { 'all outputs': { config: {}, drawsInitialValues: false } } }))

it('is the code of the page', () => {
  const page = readFileSync(new URL('../../../docs/plugins.md', import.meta.url), 'utf8')
  const [header = '', ...code] = readFileSync(new URL('./smallest-tuner.fake.ts', import.meta.url), 'utf8').split('\n')
  expect(header).toContain('docs/plugins.md')
  expect(page).toContain(code.join('\n').trim())
})
