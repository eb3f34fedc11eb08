/** The loss of routing of mixtures of experts, and all gradients of it, against transformers, with padding and without. */
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { reference } from '@espalier/core'
import { mixtral, qwen3Moe } from '@espalier/models'
import { openCase, worstOfLoss } from '@espalier/models/fixtures/golden-case.js'
import { readTensors } from '@espalier/models/fixtures/safetensors.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python, ESPALIER_FIXTURES: fixtures } = process.env
const isPossible = python !== undefined && fixtures !== undefined
if (!isPossible)
  console.log('ESPALIER_PYTHON or ESPALIER_FIXTURES is not set: the loss of routing was not compared with transformers')

const COEFFICIENT = 0.5 // far more than is usual, so that a wrong loss is seen
const PATIENCE_MS = 10 * 60_000 // importing PyTorch on a busy machine takes long

const cases = [mixtral, qwen3Moe].flatMap((architecture) =>
  [true, false].map((masked) => ({ architecture, type: architecture.modelType, masked })),
)

describe.runIf(isPossible)('the loss of routing (needs ESPALIER_PYTHON and ESPALIER_FIXTURES)', () => {
  let work = ''
  const own = (type: string) => join(work, type)
  const golden = (type: string) => join(fixtures ?? '', 'base', type)
  const resultOf = (type: string, masked: boolean) => join(work, `${type}-${masked}.safetensors`)

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-routing-'))
    for (const { modelType: type } of [mixtral, qwen3Moe]) {
      await mkdir(own(type))
      await copyFile(join(golden(type), 'model.safetensors'), join(own(type), 'model.safetensors'))
      // As text: Python tells 0.0 from 0.
      const config = await readFile(join(golden(type), 'config.json'), 'utf8')
      const balanced = config
        .replace('"output_router_logits": false', '"output_router_logits": true')
        .replace(/"router_aux_loss_coef": [\d.]+/, `"router_aux_loss_coef": ${COEFFICIENT}`)
      await writeFile(join(own(type), 'config.json'), balanced)
    }
    const plan = cases.map(({ type, masked }) => ({
      model: own(type),
      inputs: join(golden(type), 'expected.safetensors'),
      masked,
      result: resultOf(type, masked),
    }))
    await writeFile(join(work, 'plan.json'), JSON.stringify({ cases: plan }))
    const script = fileURLToPath(new URL('./routing_loss_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, join(work, 'plan.json')])
  }, PATIENCE_MS)

  afterAll(async () => {
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(cases)('$type has that of transformers (padding: $masked)', async ({ architecture, type, masked }) => {
    const { facts, ...balanced } = openCase(golden(type), architecture, own(type))
    const expected = readTensors(resultOf(type, masked))
    const { gradient_norms: _, ...tolerances } = facts // of the other loss
    const worst = await worstOfLoss({ ...balanced, facts: tolerances, expected }, reference())
    expect(worst.loss).toBeLessThan(1)
    expect(worst.gradient).toBeLessThan(1)
    const plain = openCase(golden(type), architecture)
    expect((await worstOfLoss({ ...plain, facts: tolerances, expected }, reference())).loss).toBeGreaterThan(100)
  })
})
