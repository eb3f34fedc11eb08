/** `--metric-for-best-model` and `--greater-is-better`, as users meet them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'

let work: { readonly path: string; remove(): void }
let model: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)
const words = (folder: string, ...more: string[]) => [
  ...['train', '--model', model.path, '--data', at('rows.jsonl'), '--output-dir', at(folder), '--max-steps', '4'],
  ...['--eval-data', at('rows.jsonl'), '--eval-strategy', 'steps', '--eval-steps', '1', '--load-best-model-at-end'],
  ...more,
]

beforeAll(async () => {
  work = await temporaryFolder()
  model = await temporaryFolder({ model: true })
  writeFileSync(at('rows.jsonl'), tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''))
})
afterAll(() => {
  work.remove()
  model.remove()
})

describe('the best model of espalier train', { timeout: 60_000 }, () => {
  it.each([
    ['true', Math.max],
    ['false', Math.min],
  ])('is that of the metric, --greater-is-better %s', async (greater, best) => {
    const given = words(greater, '--metric-for-best-model', 'eval_perplexity', '--greater-is-better', greater)
    expect(await runCli(given)).toMatchObject({ code: 0 })
    const { best_metric: metric, log_history: log } = JSON.parse(
      readFileSync(at(greater, 'trainer_state.json'), 'utf8'),
    ) as { readonly best_metric: number; readonly log_history: readonly Readonly<Record<string, number>>[] }
    expect(metric).toBe(best(...log.flatMap(({ eval_perplexity: value }) => value ?? [])))
  })

  it('says by its own name which option to give', async () => {
    const { code, stderr } = await runCli(words('unsaid', '--metric-for-best-model', 'perplexity'))
    expect(code).toBe(2)
    expect(stderr).toContain('(--metric-for-best-model="perplexity")')
    expect(stderr).toContain('Set --greater-is-better to false')
  })

  it('refuses a metric that no evaluation has before the first step', async () => {
    const { code, stderr } = await runCli(words('none', '--metric-for-best-model', 'eval_accuracy'))
    expect(code).not.toBe(0)
    expect(stderr).toContain('accuracy')
    expect(stderr).not.toContain('step 1')
  })
})
