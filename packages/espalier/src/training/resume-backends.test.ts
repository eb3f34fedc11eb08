/** A run that goes on with another backend; `npm run bench -- change-of-backend` has it with SmolLM2-135M. */
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tfjs } from '@espalier/backend-tfjs'
import type { Backend } from '@espalier/core'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AutoModelForCausalLM, lora, namedBackend, SFTTrainer } from '../index.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

const CHANGED_AT = 2
const STEPS = CHANGED_AT + 10
const CLOSE = 1e-4 // of a loss
const HELD_OUT = 0.01 // of the held-out loss

let work: { readonly path: string; remove(): void }
const at = (...names: string[]) => join(work.path, ...names)
beforeAll(async () => {
  work = await temporaryFolder()
  await tf.setBackend('cpu')
})
afterAll(() => work.remove())

/** Trains in a folder, from a checkpoint where one lies there; the losses of its steps, and that of held-out rows at the end. */
async function train(name: string, backend: Backend, resume = false) {
  await using model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend })
  await new SFTTrainer({
    model,
    peftConfig: lora({ r: 2, targetModules: 'all-linear', loraDropout: 0.1 }),
    trainDataset: tinyRows.slice(0, 4),
    evalDataset: tinyRows.slice(4),
    args: {
      ...{ outputDir: at(name), maxSteps: STEPS, saveSteps: CHANGED_AT, perDeviceTrainBatchSize: 2 },
      ...{ learningRate: 0.01, evalStrategy: 'steps', evalSteps: STEPS },
    },
  }).train(resume ? { resumeFromCheckpoint: true, allowChanges: ['backend'] } : {})
  const log = readFileSync(at(name, 'log.jsonl'), 'utf8').trim().split('\n')
  const lines = log.map((line) => JSON.parse(line) as Readonly<Record<string, number>>)
  return {
    losses: lines.flatMap(({ loss }) => loss ?? []),
    heldOut: lines.flatMap(({ eval_loss: loss }) => loss ?? []).at(-1) ?? Number.NaN,
  }
}

it('has the losses that it would have had, from onnx to tfjs', { timeout: 120_000 }, async () => {
  const whole = await train('stays', await namedBackend('onnx'))
  cpSync(at('stays', `checkpoint-${CHANGED_AT}`), at('changes', `checkpoint-${CHANGED_AT}`), { recursive: true })
  const changed = await train('changes', tfjs({ tf }), true)
  expect(changed.losses).toHaveLength(STEPS)
  const differences = changed.losses.map((loss, i) => Math.abs(loss - (whole.losses[i] as number)))
  expect(differences.slice(0, CHANGED_AT)).toEqual([0, 0])
  expect(Math.max(...differences)).toBeLessThan(CLOSE)
  expect(Math.max(...differences)).toBeGreaterThan(0)
  expect(Math.abs(changed.heldOut / whole.heldOut - 1)).toBeLessThan(HELD_OUT)
})
