/** The plugins that docs/plugins.md shows do what the page says, and show every part that its tables name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LayerTuner } from '@espalier/core'
import { tunerChecks } from '@espalier/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import { codeBlocks } from './page-code.js'
import { root } from './workspaces.js'

const page = readFileSync(join(root, 'docs/plugins.md'), 'utf8')
const blocks = codeBlocks(page)
const folder = mkdtempSync(join(tmpdir(), 'espalier-plugins-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
for (const [name, text] of blocks) writeFileSync(join(folder, `${name}.ts`), text)

const TUNERS = {
  gain: { plain: { config: {}, drawsInitialValues: false } },
  stretch: { plain: { config: { share: 0.25 }, drawsInitialValues: false } },
  thin: { plain: { config: { r: 2 } }, scaled: { config: { r: 3, scale: 0.5, dropout: 0.1 } } },
  drift: { plain: { config: {} }, penalised: { config: { decay: 0.1, cutAfter: 1 } } },
} as const

describe.each(Object.entries(TUNERS))('the tuner %s', async (name, variants) => {
  const { [name]: tuner } = (await import(join(folder, `${name}.ts`))) as Record<string, LayerTuner>
  for (const { name: title, run } of tunerChecks(tuner as LayerTuner, { variants })) it(title, run)
})

it.each(['What the parts are', 'A quantizer'])('every part in the tables of "%s" is shown in use', (title) => {
  const section = page.split(/^## /m).find((text) => text.startsWith(title)) ?? ''
  const code = [...blocks.values()].join('\n')
  const named = section
    .split('\n')
    .filter((line) => /^\| `/.test(line))
    .flatMap((line) =>
      [...(line.split(' | ')[0] ?? '').matchAll(/`(?:\w+\.)?(\w+)`/g)].map(([, part]) => part as string),
    )
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((part) => !new RegExp(`\\b${part}\\b`).test(code))).toEqual([])
})
