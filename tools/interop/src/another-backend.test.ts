/** A run that began on ONNX Runtime and goes on in TensorFlow.js: the same losses, within what sums in another order may differ. */
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tfjs } from '@espalier/backend-tfjs'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { AutoModelForCausalLM, type FromPretrainedOptions, lora, SFTTrainer } from 'espalier'
import { tinyModelFiles, tinyRows } from 'espalier/tiny-model.fake.js'
import { afterAll, beforeAll, expect, it } from 'vitest'

const [STEPS, CHECKPOINT] = [24, 8]
const STEP = 1e-4 // a step's loss after a change of backend
const FINAL = 0.01 // share of the held-out loss at the end

let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'espalier-backends-'))
  await tf.setBackend('cpu')
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

async function train(name: string, given: FromPretrainedOptions, resumes = false): Promise<void> {
  const model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), given)
  const trainer = new SFTTrainer({
    model,
    peftConfig: lora({ r: 4, targetModules: 'all-linear', loraDropout: 0.1 }),
    trainDataset: tinyRows.slice(0, 4),
    evalDataset: tinyRows.slice(4),
    args: {
      outputDir: join(work, name),
      maxSteps: STEPS,
      saveSteps: CHECKPOINT,
      evalStrategy: 'steps',
      evalSteps: STEPS,
      perDeviceTrainBatchSize: 2,
      learningRate: 0.01,
    },
  })
  await trainer.train(resumes ? { resumeFromCheckpoint: true, allowChanges: ['backend'] } : {})
  await model.close()
}

const log = (name: string) =>
  readFileSync(join(work, name, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; loss?: number; eval_loss?: number })

it('goes on with the same losses', { timeout: 120_000 }, async () => {
  await train('whole', {})
  cpSync(join(work, 'whole'), join(work, 'changed'), { recursive: true })
  const after = [CHECKPOINT * 2, STEPS].map((step) => `checkpoint-${step}`)
  for (const name of readdirSync(join(work, 'changed')))
    if (name.includes('.') ? !['run.json', 'log.jsonl'].includes(name) : after.includes(name))
      rmSync(join(work, 'changed', name), { recursive: true })
  await train('changed', { backend: tfjs({ tf }) }, true)
  const [whole, changed] = [log('whole'), log('changed')]
  const differences = whole.map(({ loss = 0 }, i) => Math.abs(loss - (changed[i]?.loss ?? 0)))
  expect(Math.max(...differences.slice(CHECKPOINT, CHECKPOINT + 10))).toBeLessThan(STEP)
  expect(Math.max(...differences)).toBeGreaterThan(0) // it was another backend
  const [held = 0, other = 0] = [whole, changed].map((lines) => lines.at(-1)?.eval_loss)
  expect(Math.abs(held - other) / held).toBeLessThan(FINAL)
})
