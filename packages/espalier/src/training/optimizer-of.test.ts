/** Optimizers by transformers' names and arguments. */
import { onnx } from '@espalier/backend-onnx'
import { type Backend, reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { optimizerNames } from './optimizer-names.js'
import { optimizerOf } from './optimizer-of.js'
import { SFTTrainer } from './sft-trainer.js'

describe('optimizerOf', () => {
  it('makes each optimizer that has a name', () => {
    const names = optimizerNames.map((optim) => optimizerOf({ optim }).name)
    expect(names).toEqual([
      ...['adamw', 'adamw', 'sgd', 'adagrad', 'rmsprop', 'adafactor', 'lion', 'adamw_8bit', 'adamw_8bit', 'lion_8bit'],
      ...['adamw', 'adamw_8bit', 'lion', 'lion_8bit'],
    ])
    expect(optimizerOf({}).name).toBe('adamw')
  })

  it('reads optimArgs as transformers does', () => {
    expect(optimizerOf({ optim: 'sgd' }).states).toEqual([])
    expect(optimizerOf({ optim: 'sgd', optimArgs: 'momentum=0.9, nesterov=True' }).states).toEqual(['momentum_buffer'])
    expect(optimizerOf({ optim: 'rmsprop', optimArgs: 'centered=1,alpha=0.9,momentum=0.5' }).states).toEqual([
      'square_avg',
      'momentum_buffer',
      'grad_avg',
    ])
    const { slowdown } = optimizerOf({ optim: 'adagrad', optimArgs: 'lr_decay=0.5,eps=1e-6' }).scalars(3)
    expect(slowdown).toBe(2)
  })

  it.each([
    [{ optim: 'lion' as never }, 'config.unsupported', 'lion_32bit'],
    [{ optim: 'sgd', optimArgs: 'momemtum=0.9' }, 'config.value', 'Did you mean momentum?'],
    [{ optim: 'sgd', optimArgs: 'momentum' }, 'config.value', 'name=value'],
    [{ optim: 'sgd', optimArgs: 'momentum=much' }, 'config.value', 'is a number'],
    [{ optim: 'sgd', optimArgs: 'weight_decay=0.1' }, 'config.value', 'Set weightDecay'],
    [{ optim: 'sgd', optimArgs: 'nesterov=true' }, 'config.value', 'nesterov'],
    [{ optimArgs: 'eps=1e-6' }, 'config.value', 'adamw_torch_fused takes none'],
  ] as const)('refuses %o', (args, code, text) => {
    const make = () => optimizerOf(args)
    expect(make).toThrow(expect.objectContaining({ code }))
    expect(make).toThrow(text)
  })
})

it.each(optimizerNames)('%s learns on onnx what it learns on the reference', async (optim) => {
  const files = await tinyModelFiles()
  const losses = async (backend: Backend) => {
    await using model = await AutoModelForCausalLM.fromPretrained(files, { backend })
    const args = { optim, learningRate: 1e-2, weightDecay: 0.01, maxSteps: 4, perDeviceTrainBatchSize: 6 }
    const trainer = new SFTTrainer({ model, peftConfig: lora({ r: 2 }), trainDataset: tinyRows, args })
    const steps: number[] = []
    for await (const event of trainer.train()) if (event.type === 'step') steps.push(event.loss)
    return steps
  }
  const [ours, theirs] = [await losses(onnx({ threads: 1 })), await losses(reference())]
  expect(ours[3]).toBeLessThan(ours[0] as number)
  for (const [i, loss] of ours.entries()) expect(loss).toBeCloseTo(theirs[i] as number, 5)
})
