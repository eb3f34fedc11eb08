/** Compilations of a run: as many as it has programs and shapes, however many steps it takes. A tiny random model; GSM8K's real lengths. */
import { onnx } from '@espalier/backend-onnx'
import {
  AdaptedModel,
  type CausalLM,
  hostTensor,
  memorySource,
  ParameterScope,
  Random,
  type SourceLookup,
  sizeOf,
  weightRequests,
} from '@espalier/core'
import { DataCollatorForCausalLM, planBatches, stepsPerEpoch, trainingSteps } from '@espalier/data'
import { lora } from '@espalier/lora'
import { llama } from '@espalier/models'
import { Trainer } from '@espalier/trainer'
import type { Finding } from './finding.js'
import { gsm8kRows, sizesOf } from './rows.js'
import type { Setup } from './setup.js'

const STEPS = 100
const STEP_ROWS = 8
const VOCABULARY = 64 // ids are taken modulo this: only lengths matter
const CONFIG = {
  model_type: 'llama',
  vocab_size: VOCABULARY,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  max_position_embeddings: 1024,
}

/** Trains 100 steps and evaluates once, counting what the backend is asked to compile. */
export async function compilations(setup: Setup): Promise<Finding[]> {
  const rows = await gsm8kRows(setup, STEPS * STEP_ROWS)
  const sizes = sizesOf(rows)
  const data = {
    lengths: Int32Array.from(sizes.lengths),
    counts: Int32Array.from(sizes.counts),
    async example(index: number) {
      const { input_ids: ids, labels } = rows[index] as (typeof rows)[number]
      const small = (id: number) => (id < 0 ? id : id % VOCABULARY)
      return { inputIds: Int32Array.from(ids, small), labels: Int32Array.from(labels, small) }
    },
  }
  const plan = planBatches({ ...sizes, stepRows: STEP_ROWS })
  const collator = new DataCollatorForCausalLM({ padId: 0 })
  const options = { rowCount: rows.length, stepRows: STEP_ROWS, shuffle: true, seed: 42, plan, collator }
  const { backend, counts } = counting()
  const adapted = new AdaptedModel({
    model: tinyLlama(),
    modelType: 'llama',
    config: CONFIG,
    nameOrPath: null,
    revision: null,
    defaultTargets: [],
  })
  adapted.addAdapter('default', lora({ r: 2, targetModules: ['q_proj', 'v_proj'] }))
  const used = new Set<string>()
  try {
    const weights = await backend.loadWeights(weightRequests(adapted.model))
    const microBatches = async function* (end: number) {
      for await (const step of trainingSteps(data, options, { end })) {
        const batches = step.microBatches
        for (const { feeds } of batches)
          used.add(
            Object.values(feeds)
              .map(({ shape }) => shape.join('x'))
              .join(' '),
          )
        yield batches
      }
    }
    const run = new Trainer({
      model: adapted.trainable(),
      backend,
      weights,
      steps: {
        totalSteps: STEPS,
        stepsPerEpoch: stepsPerEpoch(options),
        async *steps() {
          for await (const batches of microBatches(STEPS)) yield { microBatches: batches, epoch: 0, endsEpoch: false }
        },
      },
      evaluation: {
        async *batches() {
          for await (const batches of microBatches(STEPS)) yield* batches
        },
      },
      settings: { evaluateEvery: { steps: STEPS } },
    }).train()
    await run.result
  } finally {
    await backend.close()
  }
  const wanted = 2 * used.size + 1 // accumulate and evaluate for each shape, and the optimizer's step
  return [
    { name: 'shapes planned', value: plan.shapes.length, unit: '' },
    { name: 'shapes met', value: used.size, unit: '' },
    ...[...counts].map(([name, value]) => ({ name: `  ${name} compiled`, value, unit: 'times' })),
    { name: 'shapes x programs', value: wanted, unit: '' },
    {
      name: `compilations over ${STEPS} steps`,
      value: [...counts.values()].reduce((sum, count) => sum + count, 0),
      unit: '',
      target: { atLeast: wanted, atMost: wanted },
    },
  ]
}

function counting() {
  const backend = onnx()
  const counts = new Map<string, number>()
  const compile = backend.compile.bind(backend)
  backend.compile = (program, options) => {
    counts.set(program.name, (counts.get(program.name) ?? 0) + 1)
    return compile(program, options)
  }
  return { backend, counts }
}

function tinyLlama(): CausalLM {
  const weights: SourceLookup = (path, shape) =>
    memorySource(hostTensor('f32', shape, new Random(3).at(path).normal(sizeOf(shape), 0.3)))
  return llama.build(CONFIG, new ParameterScope(weights), 'CAUSAL_LM') as CausalLM
}
