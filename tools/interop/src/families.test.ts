/** Every architecture against transformers and PEFT: checkpoints that they write, heads, adapters both ways, greedy text. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AdaptedModel, hostTensor, type LanguageModel, reference, weightRequests } from '@espalier/core'
import { architectures, generateRows } from '@espalier/models'
import { loadModel } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FamilyCase, familyCases, inputIds } from './families-plan.js'
import { loadTheirs, logitsOf, makeOurs } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: families were not checked against transformers')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 20 * 60_000 // importing PyTorch on a busy machine takes most of it

interface Found {
  readonly whole: readonly number[]
  readonly half: readonly number[]
  readonly ours: readonly number[]
  readonly theirs: readonly number[]
  readonly greedy: readonly (readonly number[])[]
}

it('has a case for every architecture', () => {
  const checked = new Set(familyCases.map(({ architecture }) => architecture))
  expect(architectures.filter((architecture) => !checked.has(architecture))).toEqual([])
})

describe.runIf(python !== undefined)('families as transformers writes them (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  const ids = hostTensor('i32', [inputIds.length, inputIds[0]?.length ?? 0], inputIds.flat())
  const ours = new Map<string, Float32Array>()
  let work = ''
  let found: Readonly<Record<string, Found>> = {}
  const folder = ({ name }: FamilyCase, kind: 'whole' | 'half' | 'ours' | 'theirs') => join(work, name, kind)
  const load = (each: FamilyCase, kind: 'whole' | 'half') =>
    loadModel(folder(each, kind), { architectures, task: each.task })
  const readsDecoderIds = ({ architecture: { tasks }, task, className }: FamilyCase) =>
    className === undefined &&
    tasks.includes('SEQ_2_SEQ_LM') &&
    (task === 'SEQ_2_SEQ_LM' || task === 'FEATURE_EXTRACTION')
  const logits = (each: FamilyCase, model: AdaptedModel) => logitsOf(model, backend, ids, readsDecoderIds(each))

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-families-'))
    const cases = familyCases.map(({ architecture: _, ...each }, i) => {
      const own = familyCases[i] as FamilyCase
      const folders = { folder: folder(own, 'whole'), halfFolder: folder(own, 'half') }
      return { ...each, ...folders, ours: folder(own, 'ours'), theirs: folder(own, 'theirs') }
    })
    const [plan, result] = [join(work, 'plan.json'), join(work, 'result.json')]
    await writeFile(plan, JSON.stringify({ inputIds, cases }))
    const script = fileURLToPath(new URL('./families_side.py', import.meta.url))
    const side = spawn(python ?? '', [script, plan, result])
    const ended = endOf(side)
    await Promise.race([ended, lineFrom(side)])
    for (const each of familyCases) {
      const config = { method: 'lora', config: each.adapter } as const
      ours.set(
        each.name,
        await makeOurs(await load(each, 'whole'), config, folder(each, 'ours'), backend, ids, readsDecoderIds(each)),
      )
    }
    side.stdin.write('go on\n')
    await ended
    found = JSON.parse(await readFile(result, 'utf8')) as Readonly<Record<string, Found>>
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(familyCases)('$name: gives the outputs of a checkpoint in shards, and of one in $half', async (each) => {
    expect(existsSync(join(folder(each, 'whole'), 'model.safetensors.index.json'))).toBe(true)
    for (const kind of ['whole', 'half'] as const) {
      const base = await load(each, kind)
      expect([base.initialized, base.unused]).toEqual([[], []])
      expect(distance(await logits(each, new AdaptedModel(base)), found[each.name]?.[kind])).toBeLessThan(LOGITS)
      await base.close()
    }
  })

  it.each(familyCases)('$name: PEFT opens our adapter, and theirs opens here', async (each) => {
    const { ours: theirLogits, theirs } = found[each.name] as Found
    expect(distance(ours.get(each.name), theirLogits)).toBeLessThan(LOGITS)
    const opened = await loadTheirs(await load(each, 'whole'), folder(each, 'theirs'))
    expect(distance(await logits(each, opened), theirs)).toBeLessThan(LOGITS)
  })

  it.each(familyCases.filter(({ newTokens }) => newTokens > 0))(
    '$name: writes the greedy text of transformers',
    async (each) => {
      const { model } = await load(each, 'whole')
      const source = {
        model: model as LanguageModel,
        backend,
        weights: await backend.loadWeights(weightRequests(model)),
      }
      const made = await generateRows(source, inputIds, { maxNewTokens: each.newTokens })
      expect(made.map(({ tokens }) => tokens)).toEqual(found[each.name]?.greedy)
    },
  )
})

/** Resolves when the process ended well. */
function endOf(side: ChildProcess): Promise<void> {
  let said = ''
  side.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-4000)
  })
  return new Promise((resolve, reject) => {
    side.once('error', reject)
    side.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`Python ended with ${code}: ${said}`))))
  })
}

function lineFrom({ stdout }: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (stdout !== null) createInterface(stdout).once('line', () => resolve())
  })
}

function distance(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0)
}
