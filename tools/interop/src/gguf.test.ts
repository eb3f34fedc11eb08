/** GGUF files against Python: what llama.cpp's package writes is read here with the floats of its own decoder and the logits of transformers, and an adapter that is trained on one opens in PEFT. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onnx } from '@espalier/backend-onnx'
import { AdaptedModel, hostTensor, reference } from '@espalier/core'
import { AutoModelForCausalLM, AutoTokenizer, getPeftModel, lora, SFTTrainer } from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python, ESPALIER_MODELS: models } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: GGUF files were not compared with transformers')

const PACKAGE = 'gguf==0.19.0' // llama.cpp's own, which transformers needs to read such files
const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 10 * 60_000
const inputIds = [[2, 7, 5, 11, 3, 9]]
const ids = hostTensor('i32', [1, 6], inputIds.flat())
const families = ['llama', 'qwen2', 'qwen3'] as const

interface Found {
  readonly config: Readonly<Record<string, unknown>>
  readonly logits: readonly number[]
  readonly generated: readonly number[]
  readonly adapted?: readonly number[]
}

describe.runIf(python !== undefined)('GGUF files (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  const adapted = new Map<string, Float32Array>()
  let work = ''
  let theirs: Readonly<Record<string, Found>> = {}
  const at = (name: string) => join(work, name)
  const fileOf = (family: string) => at(`${family}.gguf`)
  const real = models === undefined ? undefined : join(models, 'smollm2-135m-instruct', 'model.Q4_1.gguf')

  async function side(...args: readonly string[]): Promise<void> {
    const script = fileURLToPath(new URL('./gguf_side.py', import.meta.url))
    const env = { ...process.env, PYTHONPATH: at('packages') }
    await promisify(execFile)(python ?? '', [script, ...args], { timeout: PATIENCE_MS, env })
  }

  /** Trains two steps on a file, saves the adapter, and gives its logits. */
  async function train(file: string, folder: string): Promise<Float32Array> {
    const base = await AutoModelForCausalLM.fromPretrained(file, { backend: onnx({ threads: 2 }) })
    const model = getPeftModel(base, lora({ r: 4, loraAlpha: 64, targetModules: 'all-linear', initLoraWeights: false }))
    const rows = [{ text: 'in the thin' }, { text: 'then a tin' }]
    const args = { maxSteps: 2, learningRate: 1e-2, perDeviceTrainBatchSize: 2 }
    await new SFTTrainer({ model, trainDataset: rows, args }).train()
    await model.savePretrained(folder)
    const logits = await logitsOf(model.adapted, base.backend, ids)
    await model.close()
    return logits
  }

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-gguf-'))
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', at('packages'), PACKAGE]
    await promisify(execFile)(python ?? '', pip, { timeout: PATIENCE_MS })
    await side('write', work)
    const plan: { file: string; adapter?: string }[] = []
    for (const family of families) {
      const [file, adapter] = [fileOf(family), at(`adapter-${family}`)]
      adapted.set(file, await train(file, adapter))
      plan.push({ file, adapter })
    }
    if (real !== undefined) plan.push({ file: real })
    await writeFile(at('plan.json'), JSON.stringify({ inputIds, models: plan }))
    await side('read', at('plan.json'), at('result.json'))
    theirs = JSON.parse(await readFile(at('result.json'), 'utf8'))
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(families)('%s: configuration and logits are those of transformers', async (family) => {
    const file = fileOf(family)
    const base = await AutoModelForCausalLM.fromPretrained(file, { backend })
    expect(base.loaded.unused).toEqual([])
    const {
      quantization_config: _,
      architectures: __,
      torch_dtype: ___,
      rope_theta: ____,
      ...config
    } = base.loaded.config
    expect(theirs[file]?.config).toMatchObject({ ...config, rms_norm_eps: expect.closeTo(1e-5, 12) as number })
    const logits = await logitsOf(new AdaptedModel(base.loaded), backend, ids)
    expect(difference(logits, theirs[file]?.logits)).toBeLessThan(LOGITS)
    await base.loaded.close()
  })

  it.each(families)('%s: an adapter that was trained on the file gives the same logits in PEFT', (family) => {
    const file = fileOf(family)
    expect(difference(adapted.get(file), theirs[file]?.adapted)).toBeLessThan(LOGITS)
    expect(difference(adapted.get(file), theirs[file]?.logits)).toBeGreaterThan(100 * LOGITS)
  })
  it.runIf(real !== undefined)(
    'SmolLM2 in Q4_1 has the logits and the greedy text of transformers, and its own tokenizer',
    async () => {
      const file = real as string
      const base = await AutoModelForCausalLM.fromPretrained(file, { backend: onnx({ threads: 2 }) })
      const want = theirs[file] as Found
      const logits = await logitsOf(new AdaptedModel(base.loaded), base.backend, ids)
      expect(difference(logits, want.logits)).toBeLessThan(20 * LOGITS) // thirty layers
      const [row] = inputIds as [number[]]
      const { tokenIds } = await base.generate({ inputIds: row, maxNewTokens: want.generated.length, doSample: false })
      expect(tokenIds).toEqual(want.generated)
      await base.close()
      const [own, fromFile] = await Promise.all(
        [join(file, '..'), file].map((source) => AutoTokenizer.fromPretrained(source)),
      )
      for (const text of TEXTS) expect(fromFile?.encode(text).inputIds).toEqual(own?.encode(text).inputIds)
      const messages = [{ role: 'user', content: 'Hi' }]
      expect(fromFile?.applyChatTemplate(messages, { tokenize: false })).toEqual(
        own?.applyChatTemplate(messages, { tokenize: false }),
      )
    },
    PATIENCE_MS,
  )
})

const TEXTS = [
  'The quick brown fox, 1234 dogs',
  ' naïve — “quoted” 漢字 \n\n\tx',
  "it's <|im_start|>user\nhi<|im_end|>",
  '😀👩‍👩‍👧 a\u0301',
]

function difference(a: ArrayLike<number> = [], b: ArrayLike<number> = []): number {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0)
}
