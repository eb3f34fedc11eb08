/** The program: a LoRA in a small Llama, trained for a few steps. It knows no backend. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Backend } from '@espalier/core'
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  getPeftModel,
  loadDataset,
  lora,
  type PromptCompletion,
  SFTTrainer,
} from 'espalier'

const ASSETS = fileURLToPath(new URL('../../../packages/espalier/assets/quickstart/', import.meta.url))
const STEPS = 4

/** What a training on one backend came to. */
export interface Trained {
  readonly losses: readonly number[]
  /** Milliseconds of each step after the first, in the middle. */
  readonly stepMilliseconds: number
  /** What the trained model answers to a row. */
  readonly answer: string
}

type Base = Awaited<ReturnType<typeof AutoModelForCausalLM.fromPretrained>>

/** The model, on a first backend. */
export function loadBase(backend: Backend): Promise<Base> {
  return AutoModelForCausalLM.fromPretrained(join(ASSETS, 'base'), { backend })
}

/** Trains a new adapter on the backend that the model is on. */
export async function train(base: Base): Promise<Trained> {
  const model = getPeftModel(base, lora({ r: 4, loraAlpha: 16, targetModules: 'all-linear' }))
  const trainer = new SFTTrainer({
    model,
    tokenizer: await AutoTokenizer.fromPretrained(join(ASSETS, 'base')),
    trainDataset: loadDataset<PromptCompletion>(join(ASSETS, 'data', 'train.jsonl')),
    args: { learningRate: 5e-3, maxSteps: STEPS, perDeviceTrainBatchSize: 4 },
  })
  const losses: number[] = []
  const times: number[] = []
  for await (const event of trainer.train()) {
    if (event.type !== 'step') continue
    losses.push(event.loss)
    times.push(1000 * event.seconds)
  }
  const { text } = await model.generate({ prompt: 'On the seventh day two oxen were', maxNewTokens: 8 })
  const later = times.slice(1).sort((a, b) => a - b)
  return { losses, stepMilliseconds: later[Math.floor(later.length / 2)] ?? Number.NaN, answer: text }
}
