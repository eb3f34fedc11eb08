import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type LayerTuner, reference } from '@espalier/core'
import { architectures } from '@espalier/models'
import { saveAdapter } from '@espalier/serialization'
import { ia3 } from '@espalier/tuner-ia3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  loadBase,
  loadTheirs,
  logitsOf,
  makeOurs,
  train,
  tuners,
  valuesOf,
  writeDeepBase,
  writeMaskedBase,
} from './our-side.js'
import { cases, DEEP, type ExchangeCase, inputIds, MASKED, training } from './plan.js'

const { ESPALIER_PYTHON: python, ESPALIER_FIXTURES: fixtures } = process.env
const isPossible = python !== undefined && fixtures !== undefined
if (!isPossible)
  console.log('ESPALIER_PYTHON or ESPALIER_FIXTURES is not set: adapters were not exchanged with Python PEFT')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const WEIGHTS = 1e-5 // after six steps of gradient descent
const withTables: readonly string[] = ['lora', 'ia3', 'adalora'] // whose defaults differ from the models', or are theirs for all of PEFT's
const PATIENCE_MS = 15 * 60_000 // importing PyTorch on a busy machine takes most of it

interface Found {
  readonly cases: Record<string, { warnings: string[]; ours: number[]; theirs: number[] }>
  readonly tables: Record<ExchangeCase['method'] | 'feedforward', Record<string, string[] | string>>
}

describe.runIf(isPossible)(
  'adapters from here to Python PEFT and back (needs ESPALIER_PYTHON and ESPALIER_FIXTURES)',
  () => {
    const backend = reference()
    const ours = new Map<string, Float32Array>()
    const root = fixtures ?? ''
    let work = ''
    let found: Found

    const made = new Map([
      [DEEP, 'deep'],
      [MASKED, 'masked'],
    ])
    const folderOf = ({ base }: ExchangeCase) => (made.has(base) ? join(work, made.get(base) ?? '') : join(root, base))
    const oursOf = ({ name }: ExchangeCase) => join(work, 'ours', name)
    const theirsOf = ({ name }: ExchangeCase) => join(work, 'theirs', name)
    const half = training.steps / 2

    beforeAll(async () => {
      work = await mkdtemp(join(tmpdir(), 'espalier-interop-'))
      await writeDeepBase(join(root, 'base/llama'), join(work, 'deep'))
      await writeMaskedBase(join(root, 'base/bert/base'), join(work, 'masked'))
      for (const each of cases)
        ours.set(each.name, await makeOurs(await loadBase(folderOf(each)), each, oursOf(each), backend))
      const started = await loadTheirs(await loadBase(join(root, training.base)), join(root, training.adapter))
      await train(started, half, backend)
      await saveAdapter(started, join(work, 'our-half'))
      found = await runPython()
    }, PATIENCE_MS)

    afterAll(async () => {
      await backend.close()
      if (work !== '') await rm(work, { recursive: true, force: true })
    })

    async function runPython(): Promise<Found> {
      const plan = {
        inputIds,
        cases: cases.map((each) => ({ ...each, folder: folderOf(each), ours: oursOf(each), theirs: theirsOf(each) })),
        training: {
          ...training,
          modelClass: 'AutoModelForCausalLM',
          folder: join(root, training.base),
          adapter: join(root, training.adapter),
          ourHalf: join(work, 'our-half'),
          theirHalf: join(work, 'their-half'),
          theirEnd: join(work, 'their-end'),
          theirEndOfOurs: join(work, 'their-end-of-ours'),
        },
      }
      const [planFile, resultFile] = [join(work, 'plan.json'), join(work, 'result.json')]
      await writeFile(planFile, JSON.stringify(plan))
      const script = fileURLToPath(new URL('./peft_side.py', import.meta.url))
      await promisify(execFile)(python ?? '', [script, planFile, resultFile], { timeout: PATIENCE_MS })
      return JSON.parse(await readFile(resultFile, 'utf8')) as Found
    }

    it.each(cases)('$name: PEFT loads ours without a warning and gives our logits', ({ name }) => {
      const { warnings, ours: theirLogits } = found.cases[name]!
      expect(warnings).toEqual([])
      expect(distance(theirLogits, ours.get(name) as Float32Array)).toBeLessThan(LOGITS)
    })

    it.each(cases)('$name: theirs loads here and gives their logits', async (each) => {
      const adapted = await loadTheirs(await loadBase(folderOf(each)), theirsOf(each))
      expect(distance(await logitsOf(adapted, backend), found.cases[each.name]!.theirs)).toBeLessThan(LOGITS)
    })

    it.each(cases)('$name: both sides write one adapter_config.json, key by key', async (each) => {
      expect(await configIn(oursOf(each))).toEqual(await configIn(theirsOf(each)))
    })

    it('training goes on from there to here', async () => {
      const resumed = await loadTheirs(await loadBase(join(root, training.base)), join(work, 'their-half'))
      await train(resumed, half, backend)
      expect(await differenceTo(await valuesOf(resumed), 'their-end')).toBeLessThan(WEIGHTS)
      expect(await differenceTo(await valuesOf(resumed), 'their-half')).toBeGreaterThan(10 * WEIGHTS)
    })

    it('training goes on from here to there', async () => {
      const end = await loadTheirs(await loadBase(join(root, training.base)), join(work, 'their-end'))
      expect(await differenceTo(await valuesOf(end), 'their-end-of-ours')).toBeLessThan(WEIGHTS)
    })

    it('default targets are PEFT’s tables', () => {
      const ofModels = new Map(architectures.map(({ modelType, defaultTargets }) => [modelType, defaultTargets]))
      for (const [method, tuner] of Object.entries(tuners) as [ExchangeCase['method'], LayerTuner][])
        for (const [modelType, targets] of Object.entries(found.tables[method])) {
          const own = tuner.defaultTargets?.(modelType)
          if (own === undefined && !ofModels.has(modelType) && !withTables.includes(method)) continue
          expect(own ?? ofModels.get(modelType), `${method} ${modelType}`).toEqual(targets)
        }
      for (const modelType of Object.keys(found.tables.ia3)) {
        const context = { modelType, modelConfig: {}, sites: [], warn: () => {} }
        const config = ia3.resolve?.(ia3.parse({}), context)
        expect(config?.feedforwardModules, modelType).toEqual(found.tables.feedforward[modelType])
      }
    })

    async function differenceTo(values: Awaited<ReturnType<typeof valuesOf>>, folder: string): Promise<number> {
      const other = await valuesOf(await loadTheirs(await loadBase(join(root, training.base)), join(work, folder)))
      expect([...other.keys()]).toEqual([...values.keys()])
      return Math.max(...[...values].map(([key, { data }]) => distance(data, other.get(key)!.data)))
    }
  },
)

/** A file's configuration; sets in one order, and the version apart, which is each side's own. */
async function configIn(folder: string): Promise<Record<string, unknown>> {
  const text = await readFile(join(folder, 'adapter_config.json'), 'utf8')
  const { peft_version: version, ...config } = JSON.parse(text) as Record<string, unknown>
  expect(version).toMatch(/^0\.21\./)
  const sets = ['target_modules', 'exclude_modules', 'feedforward_modules'].flatMap((key) => {
    const value = config[key]
    return Array.isArray(value) ? [[key, [...(value as string[])].sort()] as const] : []
  })
  return { ...config, ...Object.fromEntries(sets) }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)))
  return largest
}
