/** A run as a user would write it: what its preflight expects it to take, and the most that the process then has in memory. Argument: JSON of the run. */
import { onnx } from '@espalier/backend-onnx'
import {
  AutoModelForCausalLM,
  AutoModelForSequenceClassification,
  getPeftModel,
  lora,
  SFTTrainer,
  Trainer,
  type TrainingArguments,
} from 'espalier'
import type { ExpectedRun } from './expected.js'

const STEPS = 4 // the first compiles, and values that steps replace are freed late

const { folder, kind, batch, length, threads, packing, recomputes, dropout, rank } = JSON.parse(
  process.argv[2] ?? '{}',
) as ExpectedRun
const backend = onnx({ threads })
const options = {
  backend,
  ...(packing === 'nf4' ? { quantizationConfig: { loadIn4bit: true, bnb4bitQuantType: 'nf4' } as const } : {}),
  ...(packing === 'int8' ? { loadIn8bit: true } : {}),
}
const args: TrainingArguments = {
  maxSteps: STEPS,
  maxLength: length,
  perDeviceTrainBatchSize: batch,
  gradientCheckpointing: recomputes === true,
}
const text = (i: number) => Array.from({ length: length }, (_, j) => `${(i * 31 + j * 7919) % 1000} apples`).join(' ')
const texts = Array.from({ length: batch * STEPS }, (_, i) => text(i))
const adapter = { r: rank, loraDropout: dropout, targetModules: 'all-linear' } as const

async function trainer() {
  if (kind === 'text') {
    const base = await AutoModelForCausalLM.fromPretrained(folder, options)
    return new SFTTrainer({
      model: getPeftModel(base, lora(adapter)),
      trainDataset: texts.map((text) => ({ text })),
      args,
    })
  }
  const base = await AutoModelForSequenceClassification.fromPretrained(folder, { ...options, labels: 2, seed: 1 })
  const model = getPeftModel(base, lora({ ...adapter, taskType: 'SEQ_CLS' }))
  return new Trainer({ model, trainDataset: texts.map((text, i) => ({ text, label: i % 2 })), args })
}

const own = await trainer()
const { memory } = await own.preflight()
await own.train()
process.stdout.write(`${JSON.stringify({ ...memory, measured: process.resourceUsage().maxRSS * 1024 })}\n`)
await backend.close()
