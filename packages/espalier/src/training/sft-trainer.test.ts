import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { type Backend, type Executable, initialValues, ParameterScope, Random } from '@espalier/core'
import { lora } from '@espalier/lora'
import { gpt2 } from '@espalier/models'
import { memoryFolder, saveModel } from '@espalier/serialization'
import type { TrainingEvent } from '@espalier/trainer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM, AutoModelForSequenceClassification } from '../auto/auto-model.js'
import { AutoTokenizer } from '../auto/auto-tokenizer.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { getPeftModelStateDict } from '../model/state-dict.js'
import { temporaryFolder, tinyModelFiles, tinyRows } from '../tiny-model.fake.js'
import { SFTTrainer, type SFTTrainerOptions } from './sft-trainer.js'
import type { SFTConfig } from './training-arguments.js'

const peft = lora({ r: 4, loraAlpha: 16, targetModules: 'all-linear' })
const quick: SFTConfig = { maxSteps: 4, perDeviceTrainBatchSize: 3, learningRate: 0.01 }
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let base: PretrainedModel

beforeEach(async () => {
  folder = await temporaryFolder()
  base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: onnx({ threads: 1 }) })
})
afterEach(async () => {
  await base.close()
  folder.remove()
})

const outputDir = () => join(folder.path, 'out')

function trainerOf(args: SFTConfig = {}, options: Partial<SFTTrainerOptions> = {}): SFTTrainer {
  const model = options.model ?? getPeftModel(base, peft)
  return new SFTTrainer({ model, trainDataset: tinyRows, args: { ...quick, ...args }, ...options })
}

async function eventsOf(trainer: SFTTrainer): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = []
  for await (const event of trainer.train()) events.push(event)
  return events
}

describe('SFTTrainer', () => {
  it('prepares data once for all who ask, and goes on when one of them aborts', async () => {
    let passes = 0
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const trainDataset = {
      async *[Symbol.asyncIterator]() {
        passes++
        await gate
        yield* tinyRows
      },
    }
    const trainer = trainerOf({}, { trainDataset })
    const abort = new AbortController()
    const [first, second] = [trainer.preflight({ signal: abort.signal }), trainer.preflight()]
    abort.abort(new Error('mine only'))
    await expect(first).rejects.toThrow('mine only')
    open()
    expect((await second).totalSteps).toBe(4)
    expect(passes).toBe(1)
  })

  it('learns rows by heart and leaves an adapter that says the same when it is loaded', async () => {
    const trainer = trainerOf(
      { maxSteps: 40, outputDir: outputDir(), learningRate: 0.03, perDeviceTrainBatchSize: 6 },
      { evalDataset: tinyRows },
    )
    const before = await trainer.evaluate()
    const { globalStep, trainingLoss } = await trainer.train().result
    expect(globalStep).toBe(40)
    expect(trainingLoss).toBeLessThan(0.7 * before.evalLoss)
    const { text } = await trainer.model.generate({ prompt: 'say 1: ', maxNewTokens: 4 })
    expect(text).not.toBe((await base.generate({ prompt: 'say 1: ', maxNewTokens: 4 })).text)
    const served = await PeftModel.fromPretrained(base, outputDir())
    expect((await served.generate({ prompt: 'say 1: ', maxNewTokens: 4 })).text).toBe(text)
    expect(readdirSync(outputDir())).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors', 'README.md', 'tokenizer.json']),
    )
  })

  it('takes every step whole, whatever the micro-batches: the losses do not depend on them', async () => {
    const losses = async (args: SFTConfig) =>
      (await eventsOf(trainerOf({ ...args, shuffle: false }))).flatMap((e) => (e.type === 'step' ? [e.loss] : []))
    const whole = await losses({ perDeviceTrainBatchSize: 4 })
    for (const args of [
      { perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 2 },
      { perDeviceTrainBatchSize: 4, tokensPerMicroBatch: 16 },
    ])
      for (const [i, loss] of (await losses(args)).entries()) expect(loss).toBeCloseTo(whole[i] as number, 4)
  })

  it('tells before it starts what a run takes', async () => {
    const plan = await trainerOf().preflight()
    expect(plan).toMatchObject({ totalSteps: 4, stepsPerEpoch: 2, supervision: { rows: 6, kept: 6 }, warnings: [] })
    const { memory } = plan
    expect(memory.total).toBe(memory.weights + memory.adapterAndOptimizer + memory.activations + memory.process)
    expect(memory.process).toBeGreaterThan(5e7)
    expect(memory.adapterAndOptimizer).toBe(plan.trainableParameters * 4 * 4 * (1 + 4)) // value, gradient, two moments, in f32; as they are, and as 4 steps leave them
    expect(Object.keys(memory.advice)).toEqual(['weights', 'adapterAndOptimizer', 'activations'])
  })

  it('estimates activations as the backend holds them', async () => {
    const inner = onnx({ threads: 1 })
    const held: { name: string; bytes: number }[] = []
    const backend: Backend = {
      apiVersion: 1,
      name: inner.name,
      dtypes: inner.dtypes,
      loadWeights: (sources, options) => inner.loadWeights(sources, options),
      createState: (tensors) => inner.createState(tensors),
      close: () => inner.close(),
      async compile(program, options) {
        const made: Executable = await inner.compile(program, options)
        held.push({ name: program.name, bytes: made.byteLength })
        return made
      },
    }
    await using model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend })
    const rows = Array.from({ length: 8 }, (_, i) => ({
      prompt: 'a long prompt '.repeat(6),
      completion: `answer ${i}`,
    }))
    const trainer = trainerOf(
      { maxSteps: 1, perDeviceTrainBatchSize: 8 },
      { model: getPeftModel(model, peft), trainDataset: rows },
    )
    const { memory } = await trainer.preflight()
    await trainer.train().result
    const largest = Math.max(...held.filter(({ name }) => name === 'accumulate').map(({ bytes }) => bytes))
    expect(memory.activations / largest).toBeGreaterThan(0.5)
    expect(memory.activations / largest).toBeLessThan(2)
  })

  it('evaluates, keeps the cadences of its arguments and the number of checkpoints', async () => {
    const trainer = trainerOf(
      {
        outputDir: outputDir(),
        maxSteps: 6,
        evalStrategy: 'steps',
        evalSteps: 3,
        saveStrategy: 'steps',
        saveSteps: 1,
        saveTotalLimit: 2,
      },
      { evalDataset: tinyRows.slice(0, 3) },
    )
    const before = await trainer.evaluate()
    const events = await eventsOf(trainer)
    const evaluations = events.flatMap((event) => (event.type === 'evaluate' ? [event] : []))
    expect(evaluations.map(({ step }) => step)).toEqual([3, 6])
    expect(evaluations[1]?.evalLoss).toBeLessThan(before.evalLoss)
    expect((await trainer.evaluate()).evalLoss).toBeCloseTo(evaluations[1]?.evalLoss as number, 5)
    expect(
      readdirSync(outputDir())
        .filter((name) => name.startsWith('checkpoint'))
        .sort(),
    ).toEqual(['checkpoint-5', 'checkpoint-6'])
    expect(existsSync(join(outputDir(), 'checkpoint-5', 'adapter_config.json'))).toBe(true)
  })

  it('counts epochs by batches before accumulation, as transformers does', async () => {
    const rows = { trainDataset: tinyRows.slice(0, 5) }
    const trainer = trainerOf({ perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 2, maxSteps: 4 }, rows)
    const epochs = (await eventsOf(trainer)).flatMap((event) => (event.type === 'step' ? [event.epoch] : []))
    expect(epochs).toEqual([0.4, 0.8, 1, 1.4])
  })

  it('may be evaluated while it trains: programs that both use stay', async () => {
    const evalDataset = tinyRows.slice(0, 3)
    const trainer = trainerOf({ maxSteps: 6, evalStrategy: 'steps', evalSteps: 1 }, { evalDataset })
    const evaluations: number[] = []
    for await (const event of trainer.train()) {
      if (event.type !== 'evaluate') continue
      evaluations.push(event.evalLoss)
      if (event.step === 2) await trainer.evaluate()
    }
    expect(evaluations).toHaveLength(6)
  })

  it('refuses a folder that holds a run, unless it may overwrite it; its own run is no other', async () => {
    const first = trainerOf({ outputDir: outputDir(), maxSteps: 1 })
    await first.train().result
    await first.train().result
    await expect(trainerOf({ outputDir: outputDir() }).train().result).rejects.toMatchObject({
      code: 'config.value',
      details: { outputDir: outputDir() },
    })
    await trainerOf({ outputDir: outputDir(), maxSteps: 1, overwriteOutputDir: true }).train().result
  })

  it('keeps the newest of its own checkpoints in a folder that it overwrites, and none of another run', async () => {
    mkdirSync(join(outputDir(), 'checkpoint-900'), { recursive: true })
    const args: SFTConfig = { outputDir: outputDir(), overwriteOutputDir: true, saveStrategy: 'steps', saveSteps: 1 }
    const trainer = trainerOf({ ...args, saveTotalLimit: 1, maxSteps: 4 })
    const checkpoints = () => readdirSync(outputDir()).filter((name) => name.startsWith('checkpoint'))
    for (const _ of [1, 2]) {
      await trainer.train().result
      expect(checkpoints().sort()).toEqual(['checkpoint-4'])
    }
  })

  it('refuses a folder that another run writes to, and lets go of it however its own run ends', async () => {
    const first = trainerOf({ outputDir: outputDir(), maxSteps: 1000, saveStrategy: 'no' })
    const run = first.train()
    for await (const event of run) {
      if (event.type !== 'step') continue
      await expect(trainerOf({ outputDir: outputDir() }).train().result).rejects.toMatchObject({
        code: 'run.locked',
        details: { folder: outputDir(), pid: process.pid },
      })
      break
    }
    expect(readdirSync(outputDir())).not.toContain('.espalier.lock')
    const failing = trainerOf({ outputDir: outputDir(), overwriteOutputDir: true }, { trainDataset: [] })
    await expect(failing.train().result).rejects.toMatchObject({ code: 'data.empty' })
    expect(readdirSync(outputDir())).not.toContain('.espalier.lock')
    await trainerOf({ outputDir: outputDir(), overwriteOutputDir: true }).train().result
  })

  it('refuses to train an adapter that was loaded to be used, and evaluates it', async () => {
    const files = await getPeftModel(base, peft).toFiles()
    const loaded = await PeftModel.fromPretrained(base, files)
    const trainer = trainerOf({}, { model: loaded, evalDataset: tinyRows })
    await expect(trainer.train()).rejects.toMatchObject({ code: 'adapter.state' })
    expect((await trainer.evaluate()).evalLoss).toBeGreaterThan(0)
    loaded.setAdapter('default')
    expect((await trainer.train()).globalStep).toBe(4)
  })

  it('refuses arguments that plain JavaScript got wrong', () => {
    const learningRate: unknown = '2e-4'
    expect(() => trainerOf({ learning_rate: 1 } as SFTConfig)).toThrow('Did you mean learningRate?')
    expect(() => trainerOf({ learningRate } as SFTConfig)).toThrow(expect.objectContaining({ code: 'config.value' }))
  })

  it('names the argument that is no count', () => {
    for (const name of ['perDeviceTrainBatchSize', 'gradientAccumulationSteps', 'maxLength', 'loggingSteps'] as const)
      for (const value of [0, -1, 1.5, Number.NaN])
        expect(() => trainerOf({ [name]: value })).toThrow(
          expect.objectContaining({ code: 'config.value', details: { [name]: value } }),
        )
  })

  it('overwrites nothing when it is to go on and there is no checkpoint, and goes on when there is one', async () => {
    const args: SFTConfig = { outputDir: outputDir(), maxSteps: 2, saveStrategy: 'steps', saveSteps: 1 }
    const none = { code: 'config.value', what: 'there is no checkpoint to go on from' }
    await expect(trainerOf({}).train({ resumeFromCheckpoint: true })).rejects.toMatchObject(none)
    await expect(trainerOf(args).train({ resumeFromCheckpoint: true })).rejects.toMatchObject(none)
    await trainerOf({ ...args, saveStrategy: 'no' }).train()
    const finished = readFileSync(join(outputDir(), 'adapter_model.safetensors'))
    for (const overwriteOutputDir of [false, true])
      await expect(
        trainerOf({ ...args, overwriteOutputDir }).train({ resumeFromCheckpoint: true }),
      ).rejects.toMatchObject(none)
    expect(readFileSync(join(outputDir(), 'adapter_model.safetensors'))).toEqual(finished)
    await trainerOf({ ...args, overwriteOutputDir: true }).train()
    const result = readFileSync(join(outputDir(), 'adapter_model.safetensors'))
    for (const resumeFromCheckpoint of [true, join(outputDir(), 'checkpoint-1')])
      expect(await trainerOf(args).train({ resumeFromCheckpoint }).result).toMatchObject({ globalStep: 2 })
    expect(readFileSync(join(outputDir(), 'adapter_model.safetensors'))).toEqual(result)
  })

  it('leaves nothing behind when the data is of no use', async () => {
    const rows = [{ prompt: 'a', completion: 'b' }, { prompt: 1 }]
    const trainer = trainerOf({ outputDir: outputDir() }, { trainDataset: rows })
    await expect(trainer.train().result).rejects.toMatchObject({ code: expect.stringMatching(/^data\./) })
    expect(existsSync(outputDir())).toBe(false)
  })

  it('stops when it is told to, and saves', async () => {
    const abort = new AbortController()
    const trainer = trainerOf({ outputDir: outputDir(), maxSteps: 50 }, { onEvent: (event) => void (event.type === 'step' && event.step === 2 && abort.abort('enough')) }) // biome-ignore format: one action
    await expect(trainer.train({ signal: abort.signal }).result).rejects.toBe('enough')
    expect(existsSync(join(outputDir(), 'adapter_model.safetensors'))).toBe(true)
    await expect(trainerOf().preflight({ signal: AbortSignal.abort('early') })).rejects.toBe('early')
  })

  it('trains all parameters of a plain model, which then holds them', async () => {
    const before = (await base.generate({ prompt: 'say 1: ', maxNewTokens: 4 })).text
    const trainer = trainerOf(
      { maxSteps: 30, learningRate: 0.01, perDeviceTrainBatchSize: 6, outputDir: outputDir() },
      { model: base },
    )
    await trainer.train().result
    const { text } = await base.generate({ prompt: 'say 1: ', maxNewTokens: 4 })
    expect(text).not.toBe(before)
    expect(text).toContain('yes')
    await using loaded = await AutoModelForCausalLM.fromPretrained(outputDir(), { backend: onnx({ threads: 1 }) })
    expect((await loaded.generate({ prompt: 'say 1: ', maxNewTokens: 4 })).text).toBe(text)
    expect(JSON.parse(readFileSync(join(outputDir(), 'config.json'), 'utf8'))).toMatchObject({
      model_type: 'llama',
      dtype: 'float32',
    })
  })

  it('attaches an adapter by peftConfig, and not a second one', async () => {
    const trainer = trainerOf({ maxSteps: 1 }, { model: base, peftConfig: peft })
    expect(trainer.model).toBeInstanceOf(PeftModel)
    await trainer.train().result
    expect(() => trainerOf({}, { peftConfig: peft })).toThrowError(expect.objectContaining({ code: 'config.value' }))
    expect(() => trainerOf({ optim: 'lion' as 'sgd' })).toThrowError(
      expect.objectContaining({ code: 'config.unsupported' }),
    )
    expect(() => trainerOf({ warmupRatio: 2 })).toThrowError(expect.objectContaining({ code: 'config.value' }))
  })

  it('draws the initial values of peftConfig’s adapter from its seed, 42 where none is given', async () => {
    const valuesAt = async (args: SFTConfig) => {
      const { model } = trainerOf(args, { model: base, peftConfig: peft })
      return [...(await getPeftModelStateDict(model as PeftModel)).values()].map(({ data }) => [...data])
    }
    const [unset, same, other] = [await valuesAt({}), await valuesAt({ seed: 42 }), await valuesAt({ seed: 0 })]
    expect(unset).toEqual(same)
    expect(unset).not.toEqual(other)
  })

  it('refuses to evaluate, or to keep the best, without what that takes', () => {
    const refused = expect.objectContaining({ code: 'config.value' })
    expect(() => trainerOf({ evalStrategy: 'steps' })).toThrow(refused)
    expect(() => trainerOf({ loadBestModelAtEnd: true }, { evalDataset: tinyRows })).toThrow(refused)
    trainerOf({ loadBestModelAtEnd: true, evalStrategy: 'epoch' }, { evalDataset: tinyRows })
  })

  it('refuses rows that are longer than the model’s positions before anything runs, and pads none beyond them', async () => {
    const config = { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'], vocab_size: 600, n_embd: 16, n_head: 2, n_layer: 1, n_positions: 13 } // biome-ignore format: one model
    const made = memoryFolder()
    const weights = new ParameterScope(initialValues(new Random(1)))
    await saveModel({ model: gpt2.build(config, weights, 'CAUSAL_LM'), config }, made)
    const files = new Map([...(await tinyModelFiles()), ...made.toFiles()])
    await using short = await AutoModelForCausalLM.fromPretrained(files, { backend: onnx({ threads: 1 }) })
    const of = (args: SFTConfig) =>
      trainerOf(
        { maxSteps: 1, ...args },
        { model: short, peftConfig: lora({ r: 2 }), trainDataset: [{ text: 'a very long row of words '.repeat(5) }] },
      )
    await expect(of({}).preflight()).rejects.toMatchObject({ code: 'config.value', details: { maxPositions: 13 } })
    expect((await of({ maxLength: 13 }).train().result).globalStep).toBe(1)
  })

  it('saves the tokenizer that it was given, and refuses models that do not predict tokens', async () => {
    const source = await tinyModelFiles()
    const config = JSON.parse(await source.get('tokenizer_config.json')!.text()) as object
    source.set('tokenizer_config.json', new Blob([JSON.stringify({ ...config, model_max_length: 77 })]))
    const tokenizer = await AutoTokenizer.fromPretrained(source)
    const trainer = trainerOf({ maxSteps: 1 }, { tokenizer })
    expect(await trainer.model.tokenizer()).toBe(tokenizer)
    await trainer.saveModel(outputDir())
    expect(readFileSync(join(outputDir(), 'tokenizer_config.json'), 'utf8')).toContain('77')
    await using classifier = await AutoModelForSequenceClassification.fromPretrained(source, {
      backend: onnx({ threads: 1 }),
    })
    expect(() => trainerOf({}, { model: classifier })).toThrowError(
      expect.objectContaining({ code: 'model.unsupported' }),
    )
  })

  it('calls transformers’ callbacks and does what they ask for', async () => {
    const calls: string[] = []
    const trainer = trainerOf(
      { maxSteps: 20, loggingSteps: 2 },
      {
        evalDataset: tinyRows.slice(0, 2),
        callbacks: [
          {
            onTrainBegin: (_, { maxSteps }) => void calls.push(`begin ${maxSteps}`),
            onStepEnd(_, { globalStep }, control) {
              calls.push(`step ${globalStep}`)
              if (globalStep === 1) control.shouldEvaluate = true
              if (globalStep === 3) control.shouldTrainingStop = true
            },
            onLog: (_, { globalStep }, __, { type, loss = 0 }) =>
              void calls.push(`log ${type} ${globalStep} ${loss > 0}`),
            onEvaluate: (_, { globalStep }) => void calls.push(`evaluate ${globalStep}`),
            onTrainEnd: () => void calls.push('end'),
          },
        ],
      },
    )
    expect((await trainer.train().result).reason).toBe('stopped')
    expect(calls).toEqual([
      'begin 20',
      'step 1',
      'log evaluate 1 false',
      'evaluate 1',
      'step 2',
      'log step 2 true',
      'step 3',
      'log end 3 false',
      'end',
    ])
  })
})
