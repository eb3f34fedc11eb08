/** A loss of power at any moment of a run, as far as a test can lose it: whatever was not flushed is gone. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findCheckpoint } from '../checkpoint/find-checkpoint.js'
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
}

const train = (outputDir: string, learningRate: number, { onEvent = () => {}, saveTotalLimit = 2 }: Asked = {}) =>
  new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows.slice(0, 2),
    onEvent,
    args: { outputDir, learningRate, maxSteps: STEPS, saveSteps: 1, saveTotalLimit, overwriteOutputDir: true },
  }).train()

/** Trains in a watched folder, and looks after each operation at what a loss of power would leave. */
async function watched(outputDir: string, rate: number, look: (left: string, saved: number) => Promise<void>) {
  const power = new PowerLoss(outputDir)
  let [saved, moments] = [0, 0]
  let isLooking = false
  const failures: unknown[] = [] // which whoever writes may take for its own
  power.onOperation(async () => {
    if (isLooking) return
    isLooking = true
    const left = join(root, `left ${moments++}`)
    power.leave(left)
    await look(left, saved).catch((error: unknown) => failures.push(error))
    rmSync(left, { recursive: true })
    isLooking = false
  })
  disk.power = power as unknown as typeof disk.power
  try {
    await train(outputDir, rate, {
      onEvent(event) {
        if (event.type === 'save' && event.kind === 'checkpoint') saved = event.step
      },
    })
  } finally {
    disk.power = undefined
  }
  expect(failures).toEqual([])
  return moments
}

describe('a loss of power', { timeout: 300_000 }, () => {
  it('costs a run at most the checkpoint that was being written', async () => {
    const outputDir = mkdtempSync(join(root, 'run-'))
    const found: number[] = []
    const moments = await watched(outputDir, 0.01, async (left, saved) => {
      if (saved === 0) return
      const { record, passedOver } = await findCheckpoint(true, left)
      expect(record.position.step).toBeGreaterThanOrEqual(saved)
      expect(passedOver).toEqual([])
      found.push(record.position.step)
    })
    expect(moments).toBeGreaterThan(100)
    expect(new Set(found)).toEqual(new Set([1, 2, 3, 4]))
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
    await watched(outputDir, 0.01, async (left) => {
      await (await lockFolder(left)).release()
      expect(faultsOf(left, runs)).toEqual([])
      const { config } = JSON.parse(readFileSync(join(left, 'run.json'), 'utf8')) as {
        config: { learning_rate: number }
      }
      rates.add(config.learning_rate)
      readFileSync(join(left, 'adapter_model.safetensors'))
    })
    expect(rates).toEqual(new Set([0.003, 0.01]))
  })

  it('is no empty test: without flushed folders nothing is left', async () => {
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
  })
})
