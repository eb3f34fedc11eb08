/** The plugins that docs/plugins.md shows do what the page says, and show every part that its tables name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Architecture, LayerTuner, Quantizer } from '@espalier/core'
import { llama } from '@espalier/models'
import { TINY_BERT, TINY_LLAMA } from '@espalier/models/fixtures/tiny-configs.js'
import { forwardOf, idsOf, rounded, tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { quantizerChecks, tunerChecks } from '@espalier/testkit'
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

describe('the quantizer rowScaled', async () => {
  const { rowScaled } = (await import(join(folder, 'rowScaled.ts'))) as { rowScaled: Quantizer }
  for (const { name, run } of quantizerChecks(rowScaled)) it(name, run)
})

describe('the families of models', async () => {
  const { small } = (await import(join(folder, 'small.ts'))) as { small: Architecture }
  const { reader } = (await import(join(folder, 'reader.ts'))) as { reader: Architecture }
  const feeds = { input_ids: idsOf([[3, 1, 4, 1, 5]]) }
  const config = { ...TINY_LLAMA, num_key_value_heads: TINY_LLAMA.num_attention_heads }

  it('compute what Llama does where they are built like it, and something else where not', async () => {
    const { y: wanted } = await forwardOf(tinyModel(llama, config, 'CAUSAL_LM'), feeds)
    const found = async (own: object) =>
      (await forwardOf(tinyModel(small, { ...config, ...own }, 'CAUSAL_LM'), feeds)).y
    expect(rounded(await found({}))).toEqual(rounded(wanted))
    for (const own of [{ fused: true }, { gated: false }]) {
      const y = await found(own)
      expect(y?.shape).toEqual(wanted?.shape)
      expect(rounded(y)).not.toEqual(rounded(wanted))
    }
  })

  it('have the heads of encoders', async () => {
    for (const [task, shape] of [
      ['SEQ_CLS', [1, 3]],
      ['TOKEN_CLS', [1, 5, 3]],
      ['QUESTION_ANS', [1, 5, 2]],
    ] as const)
      expect((await forwardOf(tinyModel(reader, TINY_BERT, task), feeds)).y?.shape).toEqual(shape)
  })
})

it.each(['What the parts are', 'A quantizer', 'A model family'])(
  'every part in the tables of "%s" is shown in use',
  (title) => {
    const section = page.split(/^## /m).find((text) => text.startsWith(title)) ?? ''
    const code = [...blocks.values()].join('\n')
    const named = section
      .split('\n')
      .filter((line) => /^\| `/.test(line))
      .flatMap((line) =>
        [...(line.split(' | ')[0] ?? '').matchAll(/`(?:\w+\.)?(\w+)(?:\(\w*\))?`/g)].map(([, part]) => part as string),
      )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((part) => !new RegExp(`\\b${part}\\b`).test(code))).toEqual([])
  },
)
