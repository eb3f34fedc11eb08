/** Quantized models go both ways: what transformers packs with bitsandbytes is read here, and what is packed here is read there, with equal logits. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AdaptedModel, hostTensor, initialValues, ParameterScope, Random, reference } from '@espalier/core'
import { architectures } from '@espalier/models'
import { saveModel } from '@espalier/serialization'
import { AutoModelForCausalLM } from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined)
  console.log('ESPALIER_PYTHON is not set: quantized models were not exchanged with transformers')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 10 * 60_000 // importing PyTorch on a busy machine takes most of it
const inputIds = [[2, 7, 5, 11, 3, 9]]
const ids = hostTensor('i32', [1, 6], inputIds.flat())

const bases = {
  // Rows of whole blocks: of others bitsandbytes' compiled kernel for the CPU decodes the wrong scales, unlike its kernels in PyTorch and CUDA.
  llama: { hidden_size: 64, intermediate_size: 128, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 40 },
  gpt2: {
    n_embd: 64,
    n_head: 4,
    n_layer: 2,
    n_positions: 32,
    vocab_size: 40,
    attn_pdrop: 0,
    embd_pdrop: 0,
    resid_pdrop: 0,
  },
} as const
const forms = {
  nf4: { loadIn4bit: true, bnb4bitQuantType: 'nf4' },
  'nf4 with packed scales': { loadIn4bit: true, bnb4bitQuantType: 'nf4', bnb4bitUseDoubleQuant: true },
  fp4: { loadIn4bit: true },
  int8: { loadIn8bit: true },
} as const
const settings: { readonly [Form in keyof typeof forms]: object } = {
  nf4: { load_in_4bit: true, bnb_4bit_quant_type: 'nf4' },
  'nf4 with packed scales': { load_in_4bit: true, bnb_4bit_quant_type: 'nf4', bnb_4bit_use_double_quant: true },
  fp4: { load_in_4bit: true },
  int8: { load_in_8bit: true },
}
type Form = keyof typeof forms
type Base = keyof typeof bases
const cases = (Object.keys(bases) as Base[]).flatMap((base) =>
  (Object.keys(forms) as Form[]).map((form) => [base, form] as const),
)

describe.runIf(python !== undefined)('quantized models (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  const ours = new Map<string, Float32Array>()
  let work = ''
  let found: Record<string, { logits: number[]; faults: string[]; layers: string[] }>
  const at = (...names: readonly string[]) => join(work, names.join(' '))

  /** Logits of a folder here; packed on the way where a form is given, and saved to `to`. */
  async function readHere(folder: string, form: Form | undefined, to?: string): Promise<Float32Array> {
    const model = await AutoModelForCausalLM.fromPretrained(folder, {
      backend,
      ...(form && { quantizationConfig: forms[form] }),
    })
    expect(model.loaded.unused).toEqual([])
    if (to !== undefined) await model.savePretrained(to)
    const logits = await logitsOf(new AdaptedModel(model.loaded), backend, ids)
    await model.loaded.close()
    return logits
  }

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-quantized-'))
    for (const [modelType, config] of Object.entries(bases)) await writeBase(modelType, config, at(modelType))
    for (const [base, form] of cases) ours.set(at(base, form), await readHere(at(base), form, at(base, form)))
    const [planFile, resultFile] = [at('plan.json'), at('result.json')]
    const packed = cases.map(([base, form]) => ({
      base: at(base),
      settings: settings[form],
      folder: at(base, form, 'theirs'),
    }))
    await writeFile(planFile, JSON.stringify({ inputIds, packed, folders: [...ours.keys()] }))
    const script = fileURLToPath(new URL('./quantized_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, planFile, resultFile], { timeout: PATIENCE_MS })
    found = JSON.parse(await readFile(resultFile, 'utf8')) as typeof found
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(cases)('%s in %s: packed here, read there with equal logits', (base, form) => {
    const folder = at(base, form)
    expect(found[folder]).toMatchObject({ faults: [] })
    expect(found[folder]?.layers).toContain(form === 'int8' ? 'Linear8bitLt' : 'Linear4bit')
    expect(difference(found[folder]?.logits, ours.get(folder))).toBeLessThan(LOGITS)
  })

  it.each(cases)('%s in %s: packed there, read here with equal logits', async (base, form) => {
    const folder = at(base, form, 'theirs')
    expect(difference(found[folder]?.logits, await readHere(folder, undefined))).toBeLessThan(LOGITS)
  })

  it.each(cases)('%s in %s: packing changes the logits', async (base, form) => {
    const floats = await readHere(at(base), undefined)
    expect(difference(floats, ours.get(at(base, form)))).toBeGreaterThan(10 * LOGITS)
  })
})

async function writeBase(modelType: string, config: object, folder: string): Promise<void> {
  const architecture = architectures.find((each) => each.modelType === modelType)
  if (architecture === undefined) throw new Error(`no architecture ${modelType}`)
  const full = { model_type: modelType, num_hidden_layers: 2, rms_norm_eps: 1e-6, ...config }
  const scope = new ParameterScope(initialValues(new Random(5)))
  await saveModel({ model: architecture.build(full, scope, 'CAUSAL_LM'), config: full }, folder)
}

function difference(got: readonly number[] | Float32Array | undefined, want: ArrayLike<number> | undefined): number {
  if (got === undefined || want === undefined || got.length !== want.length || got.length === 0)
    return Number.POSITIVE_INFINITY
  return Math.max(...Array.from(got, (value, i) => Math.abs(value - (want[i] as number))))
}
