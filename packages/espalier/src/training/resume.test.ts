/** Runs that go on from a checkpoint: by programs; cli/resume.test.ts has the command line. */
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adalora } from '@espalier/tuner-adalora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RecordValues, reseal } from '../checkpoint/resealed.fake.js'
import {
  AutoModelForCausalLM,
  earlyStopping,
  getPeftModel,
  lora,
  type PretrainedModel,
  type SFTConfig,
  SFTTrainer,
  type TrainingEvent,
} from '../index.js'
import { UNFINISHED } from '../run-folder/run-names.js'
import { temporaryFolder, tinyRows } from '../tiny-model.fake.js'
import type { TrainOptions } from './call-options.js'
import type { SFTTrainerOptions } from './sft-trainer.js'

let local: Awaited<ReturnType<typeof temporaryFolder>>
let work: Awaited<ReturnType<typeof temporaryFolder>>
let base: PretrainedModel
const at = (...names: string[]) => join(work.path, ...names)

beforeAll(async () => {
  local = await temporaryFolder({ model: true })
  work = await temporaryFolder()
  base = await AutoModelForCausalLM.fromPretrained(local.path)
})
afterAll(async () => {
  await base.close()
  local.remove()
  work.remove()
})

const STEPS = 5
const dropout = lora({ r: 2, targetModules: 'all-linear', loraDropout: 0.2 })
const wide = lora({ r: 256, targetModules: ['q_proj', 'v_proj'] }) // values enough for packed states, and some too few
const ARGS: SFTConfig = {
  maxSteps: STEPS,
  perDeviceTrainBatchSize: 2, // three steps to an epoch
  learningRate: 0.01,
  saveStrategy: 'steps',
  saveSteps: 1,
}

interface Asked extends Partial<Omit<SFTTrainerOptions, 'args'>> {
  readonly args?: SFTConfig
  readonly train?: TrainOptions
  /** Stops the run after this step. */
  readonly stopsAt?: number
}

/** Trains in a folder of this name. */
async function train(name: string, { args, train: options, stopsAt, ...others }: Asked = {}) {
  const events: TrainingEvent[] = []
  const run = new SFTTrainer({
    ...(others.model === undefined ? { peftConfig: dropout } : {}),
    model: base,
    trainDataset: tinyRows,
    onEvent(event) {
      events.push(event)
      if (event.type === 'step' && event.step === stopsAt) run.stop()
    },
    ...others,
    args: { ...ARGS, outputDir: at(name), ...args },
  }).train(options)
  return {
    result: await run,
    events,
    warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
  }
}

const startOf = ([first]: readonly TrainingEvent[]) => (first?.type === 'start' ? first.step : undefined)
const bytes = (...names: string[]) => readFileSync(at(...names, 'adapter_model.safetensors'))
const json = (...names: string[]) => JSON.parse(readFileSync(at(...names), 'utf8')) as Record<string, unknown>

/** Lines of a log without what depends on the clock and the machine. */
const log = (name: string, ...more: string[]) =>
  readFileSync(at(name, ...more, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { seconds, tokens_per_second, peak_memory_bytes, eval_runtime, ...rest } = JSON.parse(line) as Record<
        string,
        number
      >
      return rest
    })

/** A run of its folder as it was when it was killed after a step: no result, and no later checkpoint. */
function killedAfter(name: string, step: number, as: string) {
  cpSync(at(name), at(as), { recursive: true })
  for (const file of readdirSync(at(as))) {
    const number = Number(/^checkpoint-(\d+)$/.exec(file)?.[1] ?? Number.NaN)
    if (Number.isNaN(number) ? !['run.json', 'log.jsonl'].includes(file) : number > step)
      rmSync(at(as, file), { recursive: true })
  }
}

const leaping = { learningRate: 3, lrSchedulerType: 'constant', evalStrategy: 'steps', evalSteps: 1 } as const

describe('a run that goes on', { timeout: 120_000 }, () => {
  it.each<[string, () => Asked]>([
    ['an adapter with dropout', () => ({})],
    [
      'evaluations, the best values and few kept checkpoints',
      () => ({
        evalDataset: tinyRows.slice(0, 2),
        args: { learningRate: 0.3, evalStrategy: 'epoch', loadBestModelAtEnd: true, saveTotalLimit: 2 },
      }),
    ],
    [
      'several micro-batches',
      () => ({ args: { tokensPerMicroBatch: 16, gradientAccumulationSteps: 2, optim: 'sgd', weightDecay: 0.1 } }),
    ],
    ['states of an optimizer in 8 bits', () => ({ model: getPeftModel(base, wide), args: { optim: 'adamw_8bit' } })],
    [
      'ranks that are given away on the way',
      () => ({
        model: getPeftModel(base, adalora({ initR: 3, targetR: 1, tinit: 1, tfinal: 1, deltaT: 1, totalStep: STEPS, targetModules: 'all-linear' })), // biome-ignore format: one value
      }),
    ],
  ])('ends as the one that did not end: %s', async (name, asked) => {
    await train(name, asked())
    const kept = readdirSync(at(name))
      .flatMap((file) => /^checkpoint-(\d+)$/.exec(file)?.[1] ?? [])
      .map(Number)
    for (const step of kept) {
      const as = `${name} ${step}`
      killedAfter(name, step, as)
      const { events, warnings } = await train(as, { ...asked(), train: { resumeFromCheckpoint: true } })
      expect(warnings.filter((warning) => warning.includes('changed'))).toEqual([])
      expect(startOf(events)).toBe(step)
      expect(bytes(as)).toEqual(bytes(name))
      expect(log(as)).toEqual(log(name))
      expect(json(as, 'run.json')).toMatchObject({ resumed: { step, changes: [] } })
      const { best_model_checkpoint: best, log_history: _, ...state } = json(as, 'trainer_state.json')
      const { best_model_checkpoint: wholeBest, log_history: __, ...whole } = json(name, 'trainer_state.json')
      expect(state).toEqual(whole)
      expect(String(best).replace(at(as), '')).toBe(String(wholeBest).replace(at(name), ''))
    }
  })

  it('trains all parameters on to the same model', async () => {
    const full = async () => ({
      model: await AutoModelForCausalLM.fromPretrained(local.path),
      args: { maxSteps: 3 },
    })
    await train('full', await full())
    killedAfter('full', 2, 'full 2')
    await train('full 2', { ...(await full()), train: { resumeFromCheckpoint: true } })
    expect(readFileSync(at('full 2/model.safetensors'))).toEqual(readFileSync(at('full/model.safetensors')))
  })

  it('goes on where it was stopped, beside what it had saved then, until it has its result', async () => {
    await train('whole')
    await train('stopped', { stopsAt: 2 })
    const stopped = bytes('stopped')
    expect(stopped).not.toEqual(bytes('whole'))
    await expect(train('stopped')).rejects.toMatchObject({ code: 'config.value' })
    await train('stopped', {
      train: { resumeFromCheckpoint: true },
      stopsAt: 3,
      onEvent: (event) => {
        if (event.type === 'save' && event.step === 3) throw new Error('the power is gone')
      },
    }).catch(() => {})
    expect(bytes('stopped')).toEqual(stopped)
    expect(readdirSync(at('stopped', UNFINISHED))).toContain('checkpoint-3')
    const { events } = await train('stopped', { train: { resumeFromCheckpoint: true } })
    expect(startOf(events)).toBe(3)
    expect(bytes('stopped')).toEqual(bytes('whole'))
    expect(log('stopped')).toEqual(log('whole'))
    expect(readdirSync(at('stopped')).sort()).toEqual(readdirSync(at('whole')).sort())
    expect(readdirSync(at('stopped'))).toContain('checkpoint-1')
  })

  it('goes on from a named checkpoint, in a folder of its own too, and then its later ones are gone', async () => {
    killedAfter('whole', 5, 'named')
    writeFileSync(at('named/checkpoint-5/adapter_model.safetensors'), 'of a run that went otherwise')
    const stops = { stopsAt: 3, train: { resumeFromCheckpoint: 'checkpoint-2' } }
    await train('named', stops)
    expect(readdirSync(at('named')).filter((name) => name.startsWith('checkpoint'))).toEqual(
      [1, 2, 3].map((step) => `checkpoint-${step}`),
    )
    await train('elsewhere', { train: { resumeFromCheckpoint: at('named/checkpoint-3') } })
    expect(bytes('elsewhere')).toEqual(bytes('whole'))
    expect(log('elsewhere')).toEqual(log('whole'))
    await expect(train('elsewhere', { train: { resumeFromCheckpoint: 'checkpoint-99' } })).rejects.toMatchObject({
      code: 'config.value',
    })
  })

  it('goes on for more epochs than it was to have, and with a lower rate, where that is allowed', async () => {
    const constant = { lrSchedulerType: 'constant' } as const
    await train('three', { args: { ...constant, maxSteps: 3 } })
    await train('five', { args: { ...constant, maxSteps: 5 } })
    const more = { args: { ...constant, maxSteps: 5 } }
    await expect(train('three', { ...more, train: { resumeFromCheckpoint: true } })).rejects.toMatchObject({
      code: 'run.changed',
      details: { changes: ['maxSteps: 3 -> 5'] },
      fix: expect.stringContaining("allowChanges: ['maxSteps']") as string,
    })
    const { warnings } = await train('three', {
      ...more,
      train: { resumeFromCheckpoint: true, allowChanges: ['maxSteps'] },
    })
    expect(warnings).toEqual([expect.stringContaining('maxSteps: 3 -> 5')])
    expect(bytes('three')).toEqual(bytes('five'))
    expect(json('three/run.json')).toMatchObject({ resumed: { changes: ['maxSteps: 3 -> 5'] } })
  })

  it('counts its patience on', async () => {
    const evalDataset = tinyRows.slice(0, 2)
    const args = { ...leaping, maxSteps: 40 } as const
    const asked = () => ({ evalDataset, args, callbacks: [earlyStopping({ earlyStoppingPatience: 3 })] })
    const { result } = await train('patient', asked())
    expect(result).toMatchObject({ reason: 'stopped' })
    expect(result.globalStep).toBeGreaterThan(4)
    const state = json('patient', `checkpoint-${result.globalStep}`, 'trainer_state.json')
    expect(state.stateful_callbacks).toMatchObject({
      EarlyStoppingCallback: {
        args: { early_stopping_patience: 3 },
        attributes: { early_stopping_patience_counter: 3 },
      },
    })
    killedAfter('patient', result.globalStep - 2, 'patient again')
    const again = await train('patient again', { ...asked(), train: { resumeFromCheckpoint: true } })
    expect(again.result.globalStep).toBe(result.globalStep)
    expect(bytes('patient again')).toEqual(bytes('patient'))
  })

  it('keeps what was best of another metric than the loss, and its patience of it', async () => {
    const args = {
      ...leaping,
      saveSteps: 1,
      maxSteps: 12,
      loadBestModelAtEnd: true,
      metricForBestModel: 'perplexity',
      greaterIsBetter: true, // the run's worst evaluation, which the lowest loss is not
    } as const
    const evalDataset = tinyRows.slice(0, 2)
    const asked = () => ({ evalDataset, args, callbacks: [earlyStopping({ earlyStoppingPatience: 6 })] })
    const { result } = await train('worst', asked())
    const evaluations = log('worst').filter((line) => line.eval_perplexity !== undefined)
    const worst = evaluations.reduce((a, b) => (Number(b.eval_perplexity) > Number(a.eval_perplexity) ? b : a))
    expect(json('worst', 'trainer_state.json')).toMatchObject({
      best_metric: worst.eval_perplexity,
      best_global_step: worst.step,
      best_model_checkpoint: at('worst', `checkpoint-${worst.step}`),
    })
    killedAfter('worst', result.globalStep - 1, 'worst again')
    await train('worst again', { ...asked(), train: { resumeFromCheckpoint: true } })
    expect(bytes('worst again')).toEqual(bytes('worst'))
  })
})

describe('a checkpoint that is not whole', { timeout: 60_000 }, () => {
  const faults: Record<string, (folder: string) => void> = {
    'no record': (folder) => rmSync(join(folder, 'checkpoint.json')),
    'half a record': (folder) => truncateSync(join(folder, 'checkpoint.json'), 100),
    'a file of zeros': (folder) => {
      const path = join(folder, 'training_state.safetensors')
      writeFileSync(path, Buffer.alloc(readFileSync(path).byteLength))
    },
    'a file too short': (folder) => truncateSync(join(folder, 'adapter_model.safetensors'), 7),
    'no tokenizer': (folder) => rmSync(join(folder, 'tokenizer.json')),
    'no history': (folder) => truncateSync(join(folder, 'trainer_state.json'), 0),
  }

  it.each(Object.keys(faults))('is passed over and named: %s', async (fault) => {
    const name = `torn, ${fault}`
    killedAfter('whole', 3, name)
    faults[fault]?.(at(name, 'checkpoint-3'))
    await expect(train(name, { train: { resumeFromCheckpoint: 'checkpoint-3' } })).rejects.toMatchObject({
      code: 'checkpoint.torn',
      fix: expect.stringContaining('checkpoint-2') as string,
    })
    const { events, warnings } = await train(name, { train: { resumeFromCheckpoint: true } })
    expect(startOf(events)).toBe(2)
    expect(warnings).toEqual([expect.stringMatching(/checkpoint-3 is not whole .* goes on from .*checkpoint-2/)])
    expect(bytes(name)).toEqual(bytes('whole'))
  })

  it('is refused where there is no other one', async () => {
    killedAfter('whole', 1, 'only')
    faults['no record']?.(at('only/checkpoint-1'))
    await expect(train('only', { train: { resumeFromCheckpoint: true } })).rejects.toMatchObject({
      code: 'checkpoint.torn',
    })
  })
})

describe('what has changed since a run began', { timeout: 60_000 }, () => {
  const rows = () => at('rows.jsonl')
  const evaluationRows = () => at('evaluation.jsonl')
  const write = (path: string, given: readonly object[]) =>
    writeFileSync(path, given.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const asked = (): Asked => ({
    trainDataset: rows(),
    evalDataset: evaluationRows(),
    args: { maxSteps: 2, evalStrategy: 'steps', evalSteps: 2 },
  })
  beforeAll(async () => {
    write(rows(), tinyRows)
    write(evaluationRows(), tinyRows.slice(0, 2))
    await train('before', asked())
  })

  const refused = async (name: string, given: Asked = {}) => {
    const as = `changed, ${name}`
    killedAfter('before', 1, as)
    const { args, ...others } = asked()
    const failure = await train(as, {
      ...others,
      ...given,
      args: { ...args, ...given.args },
      train: { resumeFromCheckpoint: true },
    }).then(
      () => undefined,
      (error: unknown) => error as { code: string; details: { changes: string[] }; fix: string },
    )
    expect(failure).toMatchObject({ code: 'run.changed' })
    expect(readdirSync(at(as))).not.toContain('adapter_config.json')
    return failure as { details: { changes: string[] }; fix: string }
  }

  it('is named: arguments, the adapter, the data', async () => {
    expect((await refused('seed', { args: { seed: 7 } })).details.changes).toEqual(['seed: 42 -> 7'])
    const rank = await refused('rank', { peftConfig: lora({ r: 4, targetModules: 'all-linear', loraDropout: 0.2 }) })
    expect(rank.details.changes).toEqual(['adapter default.r: 2 -> 4'])
    expect(rank.fix).toContain('load its adapter')
    write(rows(), [...tinyRows.slice(0, 5), { prompt: 'say 5: ', completion: 'no no no ' }])
    expect((await refused('rows')).details.changes).toEqual([expect.stringMatching(/^training data files: /)])
    write(rows(), tinyRows)
    write(evaluationRows(), tinyRows.slice(1, 3))
    const evaluation = await refused('evaluation rows')
    expect(evaluation.details.changes[0]).toMatch(/^evaluation data files: /)
    expect(evaluation.fix).toContain("allowChanges: ['evalDataset']")
    write(evaluationRows(), tinyRows.slice(0, 2))
  })

  it('is named: the tokenizer, the base model, the backend, versions', async () => {
    const other = await temporaryFolder({ model: true })
    try {
      const config = JSON.parse(readFileSync(join(other.path, 'tokenizer_config.json'), 'utf8')) as object
      writeFileSync(join(other.path, 'tokenizer_config.json'), JSON.stringify({ ...config, more: 1 }))
      const weights = readFileSync(join(other.path, 'model.safetensors'))
      weights.writeFloatLE(0.123, Math.floor(weights.byteLength / 8) * 4)
      writeFileSync(join(other.path, 'model.safetensors'), weights)
      const model = await AutoModelForCausalLM.fromPretrained(other.path)
      const { details } = await refused('base and tokenizer', { model, peftConfig: dropout })
      expect(details.changes).toEqual([
        expect.stringMatching(/^base model model\.safetensors/),
        expect.stringMatching(/^tokenizer tokenizer_config\.json/),
      ])
      await model.close()
    } finally {
      other.remove()
    }
    const { reference } = await import('@espalier/core')
    const model = await AutoModelForCausalLM.fromPretrained(local.path, { backend: reference() })
    const backend = await refused('backend', { model, peftConfig: dropout })
    expect(backend.details.changes).toEqual(['backend: onnx -> reference'])
    expect(backend.fix).toContain("allowChanges: ['backend']")
    await model.close()
    const as = 'an older version'
    killedAfter('before', 1, as)
    await reseal(at(as, 'checkpoint-1'), (record) =>
      JSON.parse(JSON.stringify(record).replace(/"onnxruntime-node":"[^"]+"/, '"onnxruntime-node":"1.0.0"').replace(/"node":"v[^"]+"/, '"node":"v20.0.0"')) as RecordValues) // biome-ignore format: one text
    const resumed = train(as, { ...asked(), train: { resumeFromCheckpoint: true } })
    await expect(resumed).rejects.toMatchObject({
      details: { changes: [expect.stringMatching(/^version of onnxruntime-node: 1\.0\.0 -> /)] },
    })
    const { warnings } = await train(as, {
      ...asked(),
      train: { resumeFromCheckpoint: true, allowChanges: ['versions'] },
    })
    expect(warnings[0]).toMatch(/since the run began, this has changed: .*onnxruntime-node.*; node: v20\.0\.0 -> /)
  })

  it('is nothing where only the place of files, or what is saved, is another', async () => {
    killedAfter('before', 1, 'moved')
    cpSync(rows(), at('rows moved.jsonl'))
    const { args, ...others } = asked()
    const { warnings } = await train('moved', {
      ...others,
      trainDataset: at('rows moved.jsonl'),
      args: { ...args, saveSteps: 2, learningRate: 0.01 },
      train: { resumeFromCheckpoint: true },
    })
    expect(warnings).toEqual([expect.stringContaining('saveSteps: 1 -> 2')])
    expect(bytes('moved')).toEqual(bytes('before'))
  })
})
