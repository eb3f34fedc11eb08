/** LoRA adapters of mixtures as transformers 4 saved them, a layer for each expert: what PEFT reads today gives its logits here. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AdaptedModel, hostTensor, reference } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadBase, loadTheirs, logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: older adapters of experts were not read beside PEFT')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 5 * 60_000 // importing PyTorch on a busy machine takes most of it
const inputIds = [[5, 17, 33, 8, 22, 11]]
const ids = hostTensor('i32', [1, 6], inputIds.flat())

const mixtral = { modelType: 'mixtral', holder: 'block_sparse_moe' }
const qwen = { modelType: 'qwen3_moe', holder: 'mlp' }
const cases = [
  { ...mixtral, targets: ['q_proj', 'w1', 'w2', 'w3'] },
  { ...mixtral, targets: ['w2'] },
  { ...mixtral, targets: ['w1', 'w2', 'w3', 'gate'] },
  { ...qwen, targets: ['gate', 'gate_proj', 'up_proj', 'down_proj', 'q_proj'] },
].map((each) => ({ ...each, name: [each.modelType, ...each.targets].join('-') }))

describe.runIf(python !== undefined)('older adapters of experts (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  let work = ''
  let found: Readonly<Record<string, readonly number[]>> = {}

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-older-experts-'))
    const [plan, result] = [join(work, 'plan.json'), join(work, 'result.json')]
    await writeFile(plan, JSON.stringify({ inputIds, cases }))
    const script = fileURLToPath(new URL('./older_experts_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, work, plan, result])
    found = JSON.parse(await readFile(result, 'utf8'))
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(cases)('$name', async ({ name }) => {
    const folder = join(work, name)
    const adapted = await loadTheirs(await loadBase(folder), `${folder}-adapter`)
    const logits = await logitsOf(adapted, backend, ids)
    const plain = await logitsOf(new AdaptedModel(await loadBase(folder)), backend, ids)
    const farthest = (a: Float32Array, b: ArrayLike<number> = []) =>
      Math.max(...Array.from(a, (x, i) => Math.abs(x - (b[i] ?? Number.POSITIVE_INFINITY))))
    expect(farthest(logits, found[name])).toBeLessThan(LOGITS)
    expect(farthest(logits, plain)).toBeGreaterThan(0.01)
  })
})
