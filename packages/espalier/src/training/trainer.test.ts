import { fileURLToPath } from 'node:url'
import { onnx } from '@espalier/backend-onnx'
import { hostTensorFromBytes, initialValues, ParameterScope, Random, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { gpt2 } from '@espalier/models'
import { memoryFolder, openSource, openWeights, saveModel } from '@espalier/serialization'
import type { TrainingEvent } from '@espalier/trainer'
import { describe, expect, it } from 'vitest'
import {
  AutoModelForCausalLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../auto/auto-model.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import { TINY_CONFIG, tinyModelFiles } from '../tiny-model.fake.js'
import type { EvalPrediction } from './label-metrics.js'
import { SFTTrainer } from './sft-trainer.js'
import { Trainer, type TrainerOptions } from './trainer.js'

const golden = (path: string) => fileURLToPath(new URL(`../../../../tools/fixtures/subset/${path}`, import.meta.url))
const bert = () =>
  AutoModelForSequenceClassification.fromPretrained(golden('base/bert/seq-cls'), { backend: onnx({ threads: 1 }) })

/** The rows that PyTorch trained on, as a tokenizer would give them, and what it found. */
async function goldenTraining(folder = 'lora/bert/default') {
  const weights = await openWeights(await openSource(golden(folder)), 'expected')
  const read = async (name: string) => {
    const tensor = weights.tensors.get(name)
    if (tensor === undefined) throw new Error(name)
    const bytes = await tensor.read()
    if (tensor.dtype === 'F32') return [...hostTensorFromBytes('f32', tensor.shape, bytes).data]
    return [...new BigInt64Array(bytes.slice().buffer)].map(Number)
  }
  const rowsOf = async (name: string, count: number) => {
    const all = await read(`input.train.${name}`)
    const size = all.length / count
    return Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size))
  }
  const masks = await rowsOf('attention_mask', ROWS)
  const [ids, labels] = [await rowsOf('input_ids', ROWS), await rowsOf('labels', ROWS)]
  const rows = labels.map((label, i) => ({
    input_ids: ids[i] as number[],
    attention_mask: masks[i] as number[],
    labels: label.length === 1 ? label[0] : label,
  }))
  const wanted = { losses: await read('train.loss'), norms: await read('train.grad_norm') }
  await weights.close()
  return { rows, ...wanted }
}

const ROWS = 20
const GOLDEN_ARGUMENTS = {
  maxSteps: 10,
  perDeviceTrainBatchSize: 2,
  shuffle: false,
  learningRate: 0.005,
  adamBeta2: 0.98,
  weightDecay: 0.1,
  warmupSteps: 3,
}

async function stepsOf(trainer: Trainer) {
  const events: TrainingEvent[] = []
  for await (const event of trainer.train()) events.push(event)
  return events.flatMap((event) => (event.type === 'step' ? [event] : []))
}

describe('Trainer', () => {
  it('trains BERT on labels with the losses and gradients of PyTorch', async () => {
    const base = await bert()
    const { rows, losses, norms } = await goldenTraining()
    const trainer = new Trainer({
      model: await PeftModel.fromPretrained(base, golden('lora/bert/default/adapter'), { isTrainable: true }),
      trainDataset: rows,
      args: GOLDEN_ARGUMENTS,
    })
    const steps = await stepsOf(trainer)
    for (const [i, { loss, gradNorm }] of steps.entries()) {
      expect(loss).toBeCloseTo(losses[i] as number, 4) // float32, ten steps
      expect(gradNorm).toBeCloseTo(norms[i] as number, 3)
    }
    expect(steps).toHaveLength(10)
    await base.close()
  })

  it('trains T5 on what it shall write with the losses and gradients of PyTorch', async () => {
    const base = await AutoModelForSeq2SeqLM.fromPretrained(golden('base/t5'), { backend: onnx({ threads: 1 }) })
    const { rows, losses, norms } = await goldenTraining('lora/t5/default')
    const trainer = new Trainer({
      model: await PeftModel.fromPretrained(base, golden('lora/t5/default/adapter'), { isTrainable: true }),
      trainDataset: rows,
      args: GOLDEN_ARGUMENTS,
    })
    const steps = await stepsOf(trainer)
    for (const [i, { loss, gradNorm }] of steps.entries()) {
      expect(loss).toBeCloseTo(losses[i] as number, 4)
      expect(gradNorm).toBeCloseTo(norms[i] as number, 3)
    }
    expect(steps).toHaveLength(10)
    expect(() => new SFTTrainer({ model: base, trainDataset: rows })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', fix: expect.stringContaining('Trainer') }),
    )
    await base.close()
  })

  it('takes a step of rows as one mean, whatever the micro-batches and their padding', async () => {
    const base = await bert()
    const { rows } = await goldenTraining()
    const mixed = rows.slice(0, 6).map(({ input_ids, labels }, i) => ({ input_ids: input_ids.slice(0, 4 + i), labels }))
    const losses = async (args: TrainerOptions['args']) => {
      const model = getPeftModel(base, lora({ r: 2 }), { seed: 1 })
      const steps = await stepsOf(
        new Trainer({ model, trainDataset: mixed, args: { maxSteps: 2, shuffle: false, ...args } }),
      )
      return steps.map(({ loss }) => loss)
    }
    const whole = await losses({ perDeviceTrainBatchSize: 6, tokensPerMicroBatch: 1000 })
    for (const [i, loss] of (await losses({ perDeviceTrainBatchSize: 6, tokensPerMicroBatch: 16 })).entries())
      expect(loss).toBeCloseTo(whole[i] as number, 5)
    await base.close()
  })

  it('tells accuracy with the evaluation, or what is asked for instead', async () => {
    const base = await bert()
    const { rows } = await goldenTraining()
    const evalDataset = rows.slice(0, 5)
    const seen: EvalPrediction[] = []
    const evaluated = (options: Partial<TrainerOptions> = {}) =>
      new Trainer({ model: getPeftModel(base, lora({ r: 2 })), trainDataset: rows, evalDataset, ...options }).evaluate()
    const { metrics } = await evaluated()
    const own = await evaluated({
      computeMetrics(prediction) {
        seen.push(prediction)
        return { labels: prediction.labelIds.length }
      },
    })
    expect(own.metrics).toEqual({ labels: 5 })
    const [{ predictions, labelIds } = { predictions: [], labelIds: [] }] = seen
    const inOrder = [...evalDataset].map(({ labels }) => labels).sort()
    expect([...labelIds].sort()).toEqual(inOrder)
    const right = predictions.filter((logits, i) => logits.indexOf(Math.max(...logits)) === labelIds[i]).length
    expect(metrics).toEqual({ accuracy: right / 5 })
    await base.close()
  })

  it('gives GPT-2 no token types unless the rows have some: there they are tokens', async () => {
    const config = { model_type: 'gpt2', vocab_size: 600, n_embd: 16, n_head: 2, n_layer: 1, n_positions: 13, pad_token_id: 0, num_labels: 2 } // biome-ignore format: one model
    const made = memoryFolder()
    const weights = new ParameterScope(initialValues(new Random(1)))
    await saveModel({ model: gpt2.build(config, weights, 'SEQ_CLS'), config }, made)
    const files = new Map([...(await tinyModelFiles()), ...made.toFiles()])
    await using base = await AutoModelForSequenceClassification.fromPretrained(files, { backend: reference() })
    const rows = [{ inputIds: [5, 6, 7] }, { inputIds: [8, 9] }]
    const measured = async (types: boolean) => {
      const seen: number[][] = []
      await new Trainer({
        model: base,
        trainDataset: rows.map((row) => ({ ...row, label: 0 })),
        evalDataset: rows.map((row) => ({
          ...row,
          label: 1,
          ...(types ? { token_type_ids: row.inputIds.map(() => 0) } : {}),
        })),
        computeMetrics: ({ predictions }) => {
          for (const row of predictions) seen.push([...row])
          return {}
        },
      }).evaluate()
      return seen
    }
    const near = (logits: readonly Float32Array[]) => logits.map((row) => [...row].map((x) => expect.closeTo(x, 5)))
    const [plain, typed] = [
      await base.logits(rows),
      await base.logits(rows.map((row) => ({ ...row, tokenTypeIds: row.inputIds.map(() => 0) }))),
    ]
    expect(await measured(false)).toEqual(near(plain))
    expect(await measured(true)).toEqual(near(typed))
    expect([...(typed[0] as Float32Array)]).not.toEqual(near(plain)[0])
  })

  it('measures what a model in float16 predicts as numbers', async () => {
    const { rows } = await goldenTraining()
    const predictions = async (dtype: 'float32' | 'float16') => {
      await using base = await AutoModelForSequenceClassification.fromPretrained(golden('base/bert/seq-cls'), {
        backend: reference(),
        dtype,
      })
      const seen: number[] = []
      await new Trainer({
        model: getPeftModel(base, lora({ r: 2 }), { seed: 1 }),
        trainDataset: rows,
        evalDataset: rows.slice(0, 4),
        computeMetrics: ({ predictions: logits }) => {
          for (const row of logits) seen.push(...row)
          return {}
        },
      }).evaluate()
      return seen
    }
    const [whole, half] = [await predictions('float32'), await predictions('float16')]
    expect(half).toEqual(whole.map((x) => expect.closeTo(x, 1)))
  })

  it('reads texts and pairs of texts, learns them by heart, and its preflight is of its own loss', async () => {
    const files = await tinyModelFiles('SEQ_CLS')
    files.set('config.json', new Blob([JSON.stringify({ ...TINY_CONFIG, pad_token_id: 0 })]))
    const base = await AutoModelForSequenceClassification.fromPretrained(files, { backend: onnx({ threads: 1 }) })
    const texts = Array.from({ length: 6 }, (_, i) => ({ text: `say ${i}`, label: i % 2 }))
    const pairs = texts.map(({ text, label }) => ({ sentence1: text, sentence2: 'well', label }))
    for (const trainDataset of [texts, pairs]) {
      const model = getPeftModel(base, lora({ r: 4, targetModules: 'all-linear' }))
      const args = { maxSteps: 30, learningRate: 0.02 }
      const trainer = new Trainer({ model, trainDataset, evalDataset: trainDataset, args })
      const plan = await trainer.preflight()
      expect(plan).toMatchObject({ totalSteps: 30, stepsPerEpoch: 1 })
      expect(plan.memory.activations).toBeGreaterThan(0)
      expect(plan).not.toHaveProperty('supervision')
      await trainer.train().result
      expect((await trainer.evaluate()).metrics).toEqual({ accuracy: 1 })
    }
    await base.close()
  })

  it('trains labels of tokens, of which -100 does not count', async () => {
    const folder = golden('base/bert/seq-cls') // a token's head has the same shape
    const base = await AutoModelForTokenClassification.fromPretrained(folder, { backend: onnx({ threads: 1 }) })
    const trainDataset = [
      { input_ids: [5, 6, 7, 8], labels: [-100, 1, 2, -100] },
      { input_ids: [9, 5, 6], labels: [0, -100, 1] },
    ]
    const model = getPeftModel(base, lora({ r: 4, targetModules: 'all-linear' }))
    const args = { maxSteps: 30, learningRate: 0.02 }
    const trainer = new Trainer({ model, trainDataset, evalDataset: trainDataset, args })
    const steps = await stepsOf(trainer)
    expect(steps[0]).toMatchObject({ tokens: 7, usefulTokens: 4 })
    expect((await trainer.evaluate()).metrics).toEqual({ accuracy: 1 })
    await base.close()
  })

  it('refuses models and rows that it cannot train on', async () => {
    const causal = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: onnx({ threads: 1 }) })
    expect(() => new Trainer({ model: causal, trainDataset: [] })).toThrow(
      expect.objectContaining({ code: 'model.unsupported', fix: 'Use SFTTrainer, or pass a task' }),
    )
    await causal.close()
    const base = await bert()
    const failure = (row: object) => new Trainer({ model: getPeftModel(base, lora()), trainDataset: [row] }).preflight()
    await expect(failure({ input_ids: [1, 2], label: 3 })).rejects.toMatchObject({
      code: 'data.row',
      details: { label: 3, labels: 3 },
    })
    await expect(failure({ input_ids: [1, 2] })).rejects.toMatchObject({ code: 'data.row' })
    await expect(failure({ label: 1 })).rejects.toMatchObject({ code: 'data.shape' })
    expect((await failure({ input_ids: [1, 2], label: 'LABEL_2' })).totalSteps).toBe(3)
    await base.close()
  })
})
