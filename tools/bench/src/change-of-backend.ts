/** A run of SmolLM2-135M that begins on onnx and goes on with tfjs, on WebAssembly, beside the one that stays: losses of the steps after the change, and the loss of held-out rows at the end. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { tfjs } from '@espalier/backend-tfjs'
import type { Backend } from '@espalier/core'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { AutoModelForCausalLM, lora, namedBackend, SFTTrainer } from 'espalier'
import type { Finding } from './finding.js'
import { gsm8kTexts } from './rows.js'
import type { Setup } from './setup.js'

const CHANGED_AT = 2
const COMPARED = 10 // steps after the change
const STEPS = CHANGED_AT + COMPARED
const HELD_OUT = 4
const TOKENS = 64 // WebAssembly is slow
const MILLIONTH = 1e-6
const MOST_DIFFERENCE = 100 // millionths of a step's loss
const MOST_HELD_OUT = 10_000 // millionths of the held-out loss: 1 %

/** The benchmark. */
export async function changeOfBackend({ model, data, threads, progress }: Setup): Promise<Finding[]> {
  const outputDir = await mkdtemp(join(tmpdir(), 'espalier-bench-'))
  const rows = (await gsm8kTexts(data, STEPS + HELD_OUT)).map(({ prompt, completion }) => ({
    text: prompt + completion,
  }))
  try {
    const stays = await namedBackend('onnx', { threads })
    const whole = await train({ model, backend: stays, rows, outputDir: join(outputDir, 'stays'), progress })
    const kept = `checkpoint-${CHANGED_AT}`
    await cp(join(outputDir, 'stays', kept), join(outputDir, 'changes', kept), { recursive: true })
    setWasmPaths(join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')), '/'))
    await tf.setBackend('wasm')
    const changed = await train({ model, backend: tfjs({ tf }), rows, outputDir: join(outputDir, 'changes'), progress })
    const differences = changed.losses
      .slice(CHANGED_AT)
      .map((loss, i) => Math.abs(loss - (whole.losses[CHANGED_AT + i] ?? 0)))
    const heldOut = Math.abs(changed.heldOut / whole.heldOut - 1)
    return [
      { name: 'steps after the change', value: differences.length, unit: '', target: { atLeast: COMPARED } },
      {
        name: 'largest difference of their losses',
        value: Math.max(...differences) / MILLIONTH,
        unit: 'e-6',
        target: { atMost: MOST_DIFFERENCE },
      },
      { name: 'held-out loss without the change', value: whole.heldOut, unit: '' },
      {
        name: 'difference of the held-out loss',
        value: heldOut / MILLIONTH,
        unit: 'e-6',
        target: { atMost: MOST_HELD_OUT },
      },
    ]
  } finally {
    await rm(outputDir, { recursive: true })
  }
}

interface Run {
  readonly model: string
  readonly backend: Backend
  readonly rows: readonly { readonly text: string }[]
  /** Where a checkpoint lies it goes on from it. */
  readonly outputDir: string
  progress(text: string): void
}

/** Trains to the end; the losses of all steps, those before a change too, and that of the held-out rows at the end. */
async function train({ model: folder, backend, rows, outputDir, progress }: Run) {
  const model = await AutoModelForCausalLM.fromPretrained(folder, { backend })
  try {
    const isChanged = outputDir.endsWith('changes')
    await new SFTTrainer({
      model,
      peftConfig: lora({ r: 8, targetModules: ['q_proj', 'v_proj'] }),
      trainDataset: rows.slice(0, STEPS),
      evalDataset: rows.slice(STEPS),
      onEvent(event) {
        if (event.type === 'step')
          progress(`${backend.name} step ${event.step}: ${event.loss} (${event.seconds.toFixed(1)} s)`)
      },
      args: {
        outputDir,
        maxSteps: STEPS,
        saveSteps: CHANGED_AT,
        evalStrategy: 'steps',
        evalSteps: STEPS,
        perDeviceTrainBatchSize: 1,
        perDeviceEvalBatchSize: 1,
        maxLength: TOKENS,
      },
    }).train(isChanged ? { resumeFromCheckpoint: true, allowChanges: ['backend'] } : {})
    const lines = (await readFile(join(outputDir, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, number>>)
    return {
      losses: lines.flatMap(({ loss }) => loss ?? []),
      heldOut: lines.flatMap(({ eval_loss: loss }) => loss ?? []).at(-1) ?? Number.NaN,
    }
  } finally {
    await model.close()
  }
}
