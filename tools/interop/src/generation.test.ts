/** Searches and greedy text of uneven batches against transformers, setting by setting. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type LanguageModel, reference, weightRequests } from '@espalier/core'
import { architectures, type GenerationSource, generateRows } from '@espalier/models'
import { loadModel } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawnCase, type GenerationCase, generationCases, generationModels } from './generation-plan.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: generation was not checked against transformers')

const SCORES = 1e-5 // of a score: sums of float32 log-probabilities
const SHARES = 0.2 // half the distance of two histograms of 200 draws with a dozen bars, twice what chance makes of it
const PATIENCE_MS = 10 * 60_000 // importing PyTorch on a busy machine takes most of it

interface Found {
  readonly rows: readonly (readonly number[])[]
  readonly scores: readonly number[] | null
}

describe.runIf(python !== undefined)('generation as transformers does it (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  const sources = new Map<string, GenerationSource>()
  let work = ''
  let found: Readonly<Record<string, Found>> = {}

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-generation-'))
    const [plan, result] = [join(work, 'plan.json'), join(work, 'result.json')]
    const models = Object.entries(generationModels).map(([name, config]) => [
      name,
      { config, folder: join(work, name) },
    ])
    const cases = [...generationCases, drawnCase].map((each) => ({ ...each, settings: snakeCased(each.settings) }))
    await writeFile(plan, JSON.stringify({ models: Object.fromEntries(models), cases }))
    const script = fileURLToPath(new URL('./generation_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, plan, result], { timeout: PATIENCE_MS, maxBuffer: 2 ** 26 })
    found = JSON.parse(await readFile(result, 'utf8')) as Readonly<Record<string, Found>>
    for (const name of Object.keys(generationModels)) {
      const { model } = await loadModel(join(work, name), { architectures })
      const weights = await backend.loadWeights(weightRequests(model))
      sources.set(name, { model: model as LanguageModel, backend, weights, padTokenId: 0 })
    }
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(generationCases)('$name', async ({ name, model, prompts, ends, settings }) => {
    const source = { ...(sources.get(model) as GenerationSource), eosTokenIds: ends }
    const rows = await generateRows(source, prompts, settings)
    expect(rows.map(({ tokens }) => tokens)).toEqual(found[name]?.rows)
    const scores = found[name]?.scores ?? []
    for (const [i, score] of scores.entries())
      expect(Math.abs((rows[i]?.score ?? Number.NaN) - score)).toBeLessThan(SCORES * Math.max(1, Math.abs(score)))
  })

  it('draws beams as often', async () => {
    const { name, model, prompts, ends, settings } = drawnCase
    const source = { ...(sources.get(model) as GenerationSource), eosTokenIds: ends }
    const rows = await generateRows(source, prompts, { ...settings, seed: 5 })
    const [ours, theirs] = [countsOf(rows.map(({ tokens }) => tokens)), countsOf(found[name]?.rows ?? [])]
    const keys = new Set([...ours.keys(), ...theirs.keys()])
    const apart = [...keys].reduce((sum, key) => sum + Math.abs((ours.get(key) ?? 0) - (theirs.get(key) ?? 0)), 0)
    expect(keys.size).toBeGreaterThan(4)
    expect(apart / 2 / prompts.length).toBeLessThan(SHARES)
  })
})

/** How often each first pair of tokens comes. */
function countsOf(rows: readonly (readonly number[])[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const row of rows) counts.set(row.slice(0, 2).join(), (counts.get(row.slice(0, 2).join()) ?? 0) + 1)
  return counts
}

function snakeCased(settings: GenerationCase['settings']): object {
  const name = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [name(key), value]))
}
