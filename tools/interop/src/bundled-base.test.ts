import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AdaptedModel, hostTensor, reference } from '@espalier/core'
import { AutoModelForCausalLM, type PretrainedModel } from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined)
  console.log("ESPALIER_PYTHON is not set: the quickstart's base model was not opened with transformers")

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const LOGIT_ROWS = 4
const PATIENCE_MS = 15 * 60_000 // importing PyTorch on a busy machine takes most of it
const OTHER_TEXTS = ['In the beginning', 'Ünknown – 漢字 🙂\n', '  two  spaces', '12 345,6']

interface Found {
  readonly class: string
  readonly dtype: string
  readonly parameters: number
  readonly ids: readonly (readonly number[])[]
  readonly logits: readonly (readonly number[])[]
  readonly end: number
}

describe.runIf(python !== undefined)("the quickstart's base model in transformers (needs ESPALIER_PYTHON)", () => {
  const assets = fileURLToPath(new URL('../../../packages/espalier/assets/quickstart', import.meta.url))
  const backend = reference()
  let work = ''
  let base: PretrainedModel
  let texts: string[]
  let theirs: Found

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-bundled-'))
    base = await AutoModelForCausalLM.fromPretrained(join(assets, 'base'), { backend })
    const lines = (await readFile(join(assets, 'data/held-out.jsonl'), 'utf8')).trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as { readonly prompt: string; readonly completion: string })
    texts = [...rows.map(({ prompt, completion }) => prompt + completion), ...OTHER_TEXTS]
    await writeFile(
      join(work, 'plan.json'),
      JSON.stringify({ base: join(assets, 'base'), texts, logitRows: LOGIT_ROWS }),
    )
    const script = fileURLToPath(new URL('./bundled_base_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, join(work, 'plan.json'), join(work, 'result.json')], {
      timeout: PATIENCE_MS,
      env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
    })
    theirs = JSON.parse(await readFile(join(work, 'result.json'), 'utf8')) as Found
  }, PATIENCE_MS)

  afterAll(async () => {
    await base?.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it('opens as a Llama in float32 of at most 3 million parameters', () => {
    expect(theirs).toMatchObject({ class: 'LlamaForCausalLM', dtype: 'torch.float32' })
    expect(theirs.parameters).toBeLessThanOrEqual(3_000_000)
  })

  it('has the same ids and the same end token there', async () => {
    const tokenizer = await base.tokenizer()
    expect(theirs.ids).toEqual(texts.map((text) => tokenizer.encode(text).inputIds))
    expect(theirs.end).toBe(tokenizer.eosTokenId)
  })

  it('has the same logits there', async () => {
    let worst = 0
    for (const [i, want] of theirs.logits.entries()) {
      const row = theirs.ids[i] ?? []
      const got = await logitsOf(new AdaptedModel(base.loaded), backend, hostTensor('i32', [1, row.length], [...row]))
      expect(got).toHaveLength(want.length)
      for (const [j, value] of want.entries()) worst = Math.max(worst, Math.abs((got[j] ?? Number.NaN) - value))
    }
    console.log(`quickstart's base model: largest difference of logits ${worst.toExponential(1)}`)
    expect(theirs.logits).toHaveLength(LOGIT_ROWS)
    expect(worst).toBeLessThan(LOGITS)
  })
})
