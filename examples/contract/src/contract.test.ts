import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ia3 } from '@espalier/tuner-ia3'
import {
  AutoModelForCausalLM,
  getModelStatus,
  getPeftModel,
  loadDataset,
  PeftModel,
  reference,
  SFTTrainer,
} from 'espalier'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { contract } from './contract.js'
import { writeTinyFolder } from './tiny-folder.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-contract-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('every promised line runs, and does what it says', async () => {
  await writeTinyFolder(folder)
  const outputDir = join(folder, 'out')
  let written = ''
  const result = await contract({
    model: folder,
    train: join(folder, 'train.jsonl'),
    outputDir,
    adapter: join(folder, 'adapter'),
    signal: new AbortController().signal,
    onProgress: () => {},
    write: (text) => {
      written += text
    },
  })
  expect(result.trainable).toMatch(/^trainable params: /)
  expect(result.mine).toMatch(/^trainable params: /)
  expect(result.plan).toMatchObject({ totalSteps: 3, supervision: { rows: 12, kept: 12 } })
  expect(result.steps.at(-1)?.step).toBe(3)
  expect(result.globalStep).toBe(3)
  expect(result.perplexity).toBeCloseTo(Math.exp(result.evalLoss), 5)
  expect(written).toBe(result.streamed)
  expect(result.files).toContain('adapter_config.json')
  const { texts } = result
  expect(texts.disabled).toBe(texts.plain)
  expect(texts.moved).toBe(texts.plain)
  expect(texts.merged).toBe(texts.served)
  expect(result.code).toBe('config.value')
  expect(readdirSync(outputDir)).toContain('adapter_model.safetensors')
})

it('a method from a plugin trains, is saved, and is found again by the name in its file', async () => {
  await writeTinyFolder(folder)
  await using base = await AutoModelForCausalLM.fromPretrained(folder, { backend: reference() })
  const model = getPeftModel(base, ia3({ targetModules: ['k_proj', 'down_proj'], feedforwardModules: ['down_proj'] }))
  const args = { maxSteps: 2, learningRate: 0.1 }
  await new SFTTrainer({ model, trainDataset: loadDataset(join(folder, 'train.jsonl')), args }).train()
  const files = await model.toFiles()
  const served = await PeftModel.fromPretrained(base, files)
  const options = { prompt: 'say 2: ', maxNewTokens: 6 }
  expect((await served.generate(options)).text).toBe((await model.generate(options)).text)
  expect(getModelStatus(served)).toMatchObject({ adapterModelType: 'IA3Model', peftTypes: { default: 'IA3' } })
})

it('a program that closes its models ends by itself', async () => {
  await writeTinyFolder(folder)
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(root, 'examples/contract/src/main.ts'), folder],
    { cwd: root, encoding: 'utf8', timeout: 50_000 },
  )
  expect({ status, stderr: stderr.replace(/^.*(?:Warning|--trace-).*\n/gm, '') }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(/^trainable params: .*\nstep 3 of 3\n$/)
})
