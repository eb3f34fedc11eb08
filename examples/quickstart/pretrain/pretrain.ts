/** Trains all parameters of a small Llama from initial values, with the trainer that trains adapters. */

import { onnx } from '@espalier/backend-onnx'
import { causalLoss, FullModel, hostTensor, initialValues, ParameterScope, Random, sizeOf } from '@espalier/core'
import { llama } from '@espalier/models'
import { saveModel } from '@espalier/serialization'
import { adamw, type MicroBatch, Trainer } from '@espalier/trainer'
import type { Corpus } from './corpus.js'

/** The configuration: what config.json says, and the run's numbers. */
export const SIZES = {
  vocab_size: 2304,
  hidden_size: 128,
  intermediate_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  max_position_embeddings: 256,
  seed: 1611,
} as const
const ROWS = 8
const LENGTH = 128
const STEPS = 3000
const LEARNING_RATE = 2.5e-3
const SAY_EVERY = 50
const SAVE_EVERY = 500

/** What a run is given. onStep: told a line now and then. */
export interface PretrainOptions {
  readonly corpus: Corpus
  readonly output: string
  readonly steps?: number
  readonly threads?: number
  onStep(text: string): void
}

/** What a run came to. */
export interface PretrainResult {
  readonly parameters: number
  readonly steps: number
  readonly tokens: number
  readonly minutes: number
  readonly evalLoss: number
}

/** Trains and saves. A run of the same steps repeats its loss. */
export async function pretrain({
  corpus,
  output,
  steps = STEPS,
  threads,
  onStep,
}: PretrainOptions): Promise<PretrainResult> {
  const began = performance.now()
  const config = modelConfig()
  const base = llama.build(config, new ParameterScope(initialValues(new Random(SIZES.seed))), 'CAUSAL_LM')
  const model = new FullModel(base)
  const backend = onnx(threads === undefined ? {} : { threads })
  const batches = corpus.heldOut(LENGTH).reduce<number[][][]>((all, row, i) => {
    if (i % ROWS === 0) all.push([])
    all.at(-1)?.push(row)
    return all
  }, [])
  const save = async () => {
    const values = await model.trainable()
    await saveModel({ model: base, config }, output, { values })
    return output
  }
  const trainer = new Trainer({
    model,
    backend,
    weights: await backend.loadWeights(new Map()),
    loss: causalLoss,
    optimizer: adamw({ beta2: 0.98 }),
    steps: {
      totalSteps: steps,
      stepsPerEpoch: steps,
      *steps() {
        for (let step = 0; step < steps; step++) {
          const rows = Array.from({ length: ROWS }, (_, i) => corpus.row(step * ROWS + i, LENGTH))
          yield { microBatches: [microBatch(rows)], epoch: (step + 1) / steps, endsEpoch: step + 1 === steps }
        }
      },
    },
    evaluation: { batches: () => batches.filter((rows) => rows.length === ROWS).map(microBatch) },
    settings: {
      learningRate: LEARNING_RATE,
      lrSchedulerType: 'cosine',
      warmupSteps: 0.03,
      weightDecay: 0.05,
      evaluateEvery: { steps: SAVE_EVERY },
      saveEvery: { steps: SAVE_EVERY },
    },
    save,
  })
  let lossSum = 0
  for await (const event of trainer.train()) {
    if (event.type === 'evaluate') onStep(`step ${event.step}: held-out loss ${event.evalLoss.toFixed(4)}`)
    if (event.type !== 'step') continue
    lossSum += event.loss
    if (event.step % SAY_EVERY !== 0) continue
    const { step, totalSteps, tokensPerSecond, etaSeconds } = event
    onStep(
      `step ${step}/${totalSteps} loss ${(lossSum / SAY_EVERY).toFixed(4)} ${tokensPerSecond.toFixed(0)} tokens/s, ${(etaSeconds / 60).toFixed(1)} min left`,
    )
    lossSum = 0
  }
  const { evalLoss } = await trainer.evaluate()
  await backend.close()
  const parameters = [...(await model.trainable()).values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  return { parameters, steps, tokens: steps * ROWS * LENGTH, minutes: (performance.now() - began) / 60_000, evalLoss }
}

function modelConfig(): Record<string, unknown> {
  const { seed: _, ...sizes } = SIZES
  return {
    model_type: 'llama',
    ...sizes,
    hidden_act: 'silu',
    initializer_range: 0.05,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: null,
    eos_token_id: 0,
    pad_token_id: 0,
  }
}

/** Rows of one length: every token but the first counts. */
function microBatch(rows: readonly (readonly number[])[]): MicroBatch {
  const ids = rows.flat()
  const indices = ids.flatMap((_, i) => ((i + 1) % LENGTH === 0 ? [] : [i]))
  const count = indices.length
  return {
    feeds: {
      input_ids: hostTensor('i32', [rows.length, LENGTH], ids),
      counted_indices: hostTensor('i32', [count], indices),
      counted_targets: hostTensor(
        'i32',
        [count],
        indices.map((i) => ids[i + 1] as number),
      ),
      counted_weights: hostTensor('f32', [count], new Float32Array(count).fill(1)),
    },
    count,
    tokens: ids.length,
  }
}
