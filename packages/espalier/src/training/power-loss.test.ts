/** A loss of power at any moment of a run, as far as a test can lose it: whatever was not flushed is gone, or some of it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EspalierError, reference } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { CheckpointRecord } from '../checkpoint/checked-record.js'
import { findCheckpoint } from '../checkpoint/find-checkpoint.js'
import { TRAINING_STATE } from '../checkpoint/state-file.js'
import { faultsOf, type KnownRun, knownRun } from '../cli/killed-runs.fake.js'
import { AutoModelForCausalLM, lora, type PretrainedModel, SFTTrainer, type TrainingEvent } from '../index.js'
import { PowerLoss } from '../run-folder/power-loss.fake.js'
import { lockFolder } from '../run-folder/run-lock.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

const disk = vi.hoisted(() => ({ power: undefined as undefined | { watched(real: object): object } }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Promises>()
  const calls = Object.entries(real).map(([name, value]) => [
    name,
    typeof value === 'function'
      ? (...args: unknown[]) => {
          const source = (disk.power?.watched(real) ?? real) as Record<string, (...args: unknown[]) => unknown>
          return source[name]?.(...args)
        }
      : value,
  ])
  return { ...real, ...Object.fromEntries(calls) }
})

const GIVEN = process.env.ESPALIER_LOSSES // at each moment, besides the one that takes all that was not flushed
const LOSSES = Number(GIVEN ?? 1)
const RESUMED_EACH = GIVEN === undefined ? 100 : 10 // of what is left, one in so many trains on
const STEPS = 4
let root = ''
let model: PretrainedModel
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-power-'))
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(async () => {
  await model.close()
  rmSync(root, { recursive: true, force: true })
})

interface Asked {
  readonly onEvent?: (event: TrainingEvent) => void
  /** Default 2, so that older checkpoints go all the while. */
  readonly saveTotalLimit?: number
  /** The checkpoint to go on from, with any rate. */
  readonly resume?: string | true
}

const train = (
  outputDir: string,
  learningRate: number,
  { onEvent = () => {}, saveTotalLimit = 2, resume }: Asked = {},
) =>
  new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows.slice(0, 2),
    onEvent,
    args: {
      outputDir,
      learningRate,
      maxSteps: STEPS,
      saveSteps: 1,
      saveTotalLimit,
      overwriteOutputDir: resume === undefined,
    },
  }).train(resume === undefined ? {} : { resumeFromCheckpoint: resume, allowChanges: ['learningRate'] })

const valuesOf = (folder: string) => readFileSync(join(folder, 'adapter_model.safetensors'))

interface Watched {
  readonly rate: number
  /** Looks at what is left. saved: the step of the last checkpoint that the run has told of. number: counts what was looked at. */
  look(left: string, saved: number, number: number): Promise<void>
  readonly resume?: string
}

/** Trains in a watched folder, and looks after each operation at what losses of power would leave; how often. */
async function watched(outputDir: string, { rate, look, resume }: Watched): Promise<number> {
  const power = new PowerLoss(outputDir)
  let [saved, count] = [0, 0]
  const failures: unknown[] = [] // which whoever writes may take for its own
  const lookAtLosses = async () => {
    for (let loss = 0; loss <= LOSSES && failures.length === 0; loss++) {
      const left = join(root, `left ${count++}`)
      try {
        power.leave(left, loss === 0 ? undefined : count)
        await look(left, saved, count)
      } catch (error) {
        failures.push(`${count}: ${(error as Error).stack}`)
      }
      rmSync(left, { recursive: true, force: true })
    }
  }
  let looking = Promise.resolve() // the log is written beside checkpoints: whoever comes waits, and no moment is missed
  power.onOperation(() => {
    looking = looking.then(lookAtLosses)
    return looking
  })
  disk.power = power as unknown as typeof disk.power
  try {
    await train(outputDir, rate, {
      ...(resume === undefined ? {} : { resume }),
      onEvent(event) {
        if (event.type === 'save' && event.kind === 'checkpoint') saved = event.step
      },
    })
  } finally {
    disk.power = undefined
  }
  expect(failures).toEqual([])
  return count
}

describe('a loss of power', { timeout: 300_000 * (1 + LOSSES) }, () => {
  it('costs a run at most the checkpoint that was being written, and the run goes on from the others to its end', async () => {
    const outputDir = mkdtempSync(join(root, 'run-'))
    const whole = join(root, 'whole')
    await train(whole, 0.01, { saveTotalLimit: STEPS })
    const stateOf = ({ position, files }: CheckpointRecord) => [position, files[TRAINING_STATE]]
    const written = new Map<number, ReturnType<typeof stateOf>>()
    for (let step = 1; step <= STEPS; step++) {
      const { record } = await findCheckpoint(`checkpoint-${step}`, whole)
      written.set(step, stateOf(record))
    }
    const found = new Set<number>()
    let [torn, resumed] = [0, 0]
    const count = await watched(outputDir, {
      rate: 0.01,
      async look(left, saved, number) {
        const point = await findCheckpoint(true, left).catch((error: EspalierError) => error)
        if (saved === 0 && point instanceof Error)
          return expect(['config.value', 'checkpoint.torn']).toContain(point.code)
        if (point instanceof Error) throw point
        const { step } = point.record.position
        expect(step).toBeGreaterThanOrEqual(saved)
        expect(stateOf(point.record)).toEqual(written.get(step))
        found.add(step)
        torn += point.passedOver.length
        if (number % RESUMED_EACH > 0) return
        await train(left, 0.01, { resume: true })
        expect(valuesOf(left)).toEqual(valuesOf(whole))
        resumed++
      },
    })
    console.log(`${count} losses of power: ${torn} torn checkpoints passed over, ${resumed} runs gone on with`)
    expect(count).toBeGreaterThan(100 * (LOSSES + 1))
    expect(found).toEqual(new Set([1, 2, 3, 4]))
    expect(resumed).toBeGreaterThan(1)
  })

  it('brings no checkpoint back that a run has left behind', async () => {
    const outputDir = mkdtempSync(join(root, 'back-'))
    await train(outputDir, 0.003, { saveTotalLimit: STEPS })
    for (const name of readdirSync(outputDir))
      if (!/^checkpoint-[123]$/.test(name)) rmSync(join(outputDir, name), { recursive: true })
    await watched(outputDir, {
      rate: 0.01,
      resume: 'checkpoint-1',
      async look(left, saved) {
        if (saved === 0) return
        const { record } = await findCheckpoint(true, left)
        expect([record.position.step >= saved, record.identity.arguments.learningRate]).toEqual([true, 0.01])
      },
    })
  })

  it('leaves one of two results whole, with its own account', async () => {
    const outputDir = mkdtempSync(join(root, 'over-'))
    const runs: KnownRun[] = []
    for (const [name, rate] of [
      ['first', 0.003],
      ['second', 0.01],
    ] as const) {
      await train(join(root, name), rate, { saveTotalLimit: STEPS })
      runs.push(knownRun(join(root, name), rate))
    }
    await train(outputDir, 0.003)
    const rates = new Set<unknown>()
    await watched(outputDir, {
      rate: 0.01,
      async look(left) {
        await (await lockFolder(left)).release()
        expect(faultsOf(left, runs, { isLogFlushed: false })).toEqual([])
        const { config } = JSON.parse(readFileSync(join(left, 'run.json'), 'utf8')) as {
          config: { learning_rate: number }
        }
        rates.add(config.learning_rate)
        valuesOf(left)
      },
    })
    expect(rates).toEqual(new Set([0.003, 0.01]))
  })

  it('is no empty test: without flushed folders nothing is left, or any of it', async () => {
    const outputDir = mkdtempSync(join(root, 'unflushed-'))
    const power = new PowerLoss(outputDir)
    const real = await vi.importActual<typeof Promises>('node:fs/promises')
    const { mkdir, open } = power.watched(real)
    await mkdir(join(outputDir, 'checkpoint-1'))
    const handle = await open(join(outputDir, 'checkpoint-1/a'), 'wx')
    await handle.write('a')
    await handle.sync()
    await handle.close()
    const left = join(root, 'left unflushed')
    power.leave(left)
    await expect(findCheckpoint(true, left)).rejects.toMatchObject({ code: 'config.value' })
    const more = await open(join(outputDir, 'checkpoint-1/b'), 'wx')
    await more.write('b'.repeat(2000))
    await more.close()
    const seen = new Set<string>()
    for (let seed = 0; seed < 300; seed++) {
      const some = join(root, `left unflushed ${seed}`)
      power.leave(some, seed)
      const names = existsSync(join(some, 'checkpoint-1')) ? readdirSync(join(some, 'checkpoint-1')) : ['nothing']
      const content = names.includes('b') ? readFileSync(join(some, 'checkpoint-1/b')) : Buffer.alloc(0)
      seen.add(names.join())
      seen.add(content.length === 0 ? '' : content.includes(0) ? 'zeros' : content.length < 2000 ? 'cut' : 'whole')
      if (names.includes('a')) expect(readFileSync(join(some, 'checkpoint-1/a'), 'utf8')).toBe('a')
    }
    expect(seen).toEqual(new Set(['nothing', 'a', 'b', 'a,b', '', 'zeros', 'cut', 'whole']))
  })
})
