/** Steps of a mixture of experts that balances them: the loss of routing is that of the whole batch, padding left out. */
import { onnx } from '@espalier/backend-onnx'
import { type Backend, feed, hostTensor, lossOf, mul, reference } from '@espalier/core'
import { mixtral } from '@espalier/models'
import { runOver } from '@espalier/models/fixtures/tiny-model.js'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { TINY_CONFIG, tinyModelFiles } from '../tiny-model.fake.js'
import { SFTTrainer } from './sft-trainer.js'

const { num_labels: _, ...BASE } = TINY_CONFIG
const CONFIG = {
  ...BASE,
  model_type: 'mixtral',
  architectures: ['MixtralForCausalLM'],
  num_local_experts: 3,
  num_experts_per_tok: 2,
  output_router_logits: true,
  router_aux_loss_coef: 0.5,
}
const rows = [{ text: 'once' }, { text: 'a much longer text than that' }, { text: 'and one more' }]

async function load(changes: object = {}, backend: Backend = reference()): Promise<PretrainedModel> {
  const files = await tinyModelFiles('CAUSAL_LM', { family: mixtral, config: { ...CONFIG, ...changes } })
  return AutoModelForCausalLM.fromPretrained(files, { backend })
}

async function losses(args: object, changes: object = {}, backend: Backend = reference()): Promise<number[]> {
  await using model = await load(changes, backend)
  const found: number[] = []
  const trainer = new SFTTrainer({
    model,
    trainDataset: rows,
    args: { maxSteps: 2, shuffle: false, learningRate: 0, perDeviceTrainBatchSize: 2, ...args },
    onEvent: (event) => void (event.type === 'step' && found.push(event.loss)),
  })
  await trainer.train()
  return found
}

/** The loss of rows as one padded batch, by core's loss, which is transformers'. */
async function lossOfBatch(texts: readonly string[]): Promise<number> {
  await using model = await load()
  const tokenizer = await model.tokenizer()
  const ids = texts.map((text) => [...tokenizer.encode(text).inputIds, tokenizer.eosTokenId as number])
  const length = Math.max(...ids.map((row) => row.length))
  const padded = (fill: (row: readonly number[], at: number) => number) =>
    hostTensor(
      'i32',
      [ids.length, length],
      ids.flatMap((row) => Array.from({ length }, (_, at) => fill(row, at))),
    )
  const counted = ids.flatMap((row, i) => row.slice(1).map((token, at) => ({ token, place: i * length + at })))
  const list = (values: readonly number[]) => hostTensor('i32', [values.length], values)
  const feeds = {
    input_ids: padded((row, at) => row[at] ?? 0),
    attention_mask: padded((row, at) => Number(at < row.length)),
    counted_indices: list(counted.map(({ place }) => place)),
    counted_targets: list(counted.map(({ token }) => token)),
    counted_weights: hostTensor(
      'f32',
      [counted.length],
      counted.map(() => 1),
    ),
  }
  const { model: tree } = model
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => [name, feed(name, dtype, shape)] as const)
  const loss = mul(lossOf(tree)(tree, Object.fromEntries(inputs)), 1 / counted.length)
  const { loss: found } = await runOver(tree, { name: 'loss', outputs: { loss } }, feeds, reference())
  return found?.data[0] as number
}

it('is added once for a batch, also for one that has fewer rows', async () => {
  const texts = rows.map(({ text }) => text)
  const want = [await lossOfBatch(texts.slice(0, 2)), await lossOfBatch(texts.slice(2))]
  const got = await losses({})
  for (const [step, loss] of got.entries()) expect(loss).toBeCloseTo(want[step] as number, 4)
  const without = await losses({}, { output_router_logits: false })
  expect(Math.abs((without[0] as number) - (got[0] as number))).toBeGreaterThan(0.3)
})

it('is the same with activations made again, and on ONNX Runtime, while the experts learn', async () => {
  const learning = { maxSteps: 4, learningRate: 0.01 }
  const want = await losses(learning)
  const others = [await losses({ ...learning, gradientCheckpointing: true }), await losses(learning, {}, onnx())]
  for (const got of others) for (const [step, loss] of got.entries()) expect(loss).toBeCloseTo(want[step] as number, 4)
  expect(want[2]).toBeLessThan(want[0] as number)
})

it('refuses what would split a batch', async () => {
  for (const args of [{ gradientAccumulationSteps: 2 }, { tokensPerMicroBatch: 64 }])
    await expect(losses(args)).rejects.toMatchObject({ code: 'config.unsupported' })
})
