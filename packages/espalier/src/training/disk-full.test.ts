/** A disk that is full from any moment of a run on: cli/disk-full.test.ts has a real one, at a few moments. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EspalierError, reference } from '@espalier/core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { findCheckpoint } from '../checkpoint/find-checkpoint.js'
import { leftovers } from '../cli/killed-runs.fake.js'
import { AutoModelForCausalLM, lora, type PretrainedModel, SFTTrainer } from '../index.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

/** Writes that still find room; undefined: the disk is not full. */
const disk = vi.hoisted(() => ({ room: undefined as number | undefined, writes: 0 }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Promises>()
  const takesRoom = () => {
    disk.writes++
    if (disk.room === undefined || disk.room-- > 0) return
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  const guarded =
    <Args extends unknown[], Value>(call: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      takesRoom()
      return call(...args)
    }
  const open = async (path: string, flags?: string) => {
    if (flags === 'wx') takesRoom()
    const handle = await real.open(path, flags)
    handle.write = guarded(handle.write.bind(handle) as () => Promise<never>) as typeof handle.write
    return handle
  }
  return { ...real, open, mkdir: guarded(real.mkdir), appendFile: guarded(real.appendFile), link: guarded(real.link) }
})

const GIVEN = process.env.ESPALIER_LOSSES // every moment, not one in so many
const EACH = GIVEN === undefined ? 12 : 1
const STEPS = 3
let root = ''
let model: PretrainedModel
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-full-'))
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(async () => {
  await model.close()
  rmSync(root, { recursive: true, force: true })
})

/** Trains in a folder; the step of the last checkpoint that the run told of, and its error. */
async function train(outputDir: string, { resume = false } = {}) {
  let saved = 0
  const run = new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows.slice(0, 2),
    onEvent(event) {
      if (event.type === 'save' && event.kind === 'checkpoint') saved = event.step
    },
    args: { outputDir, learningRate: 0.01, maxSteps: STEPS, saveSteps: 1 },
  }).train({ resumeFromCheckpoint: resume })
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { saved, error }
}

const valuesOf = (folder: string) => readFileSync(join(folder, 'adapter_model.safetensors'))

it('costs a run at most the checkpoint that does not fit, whenever it fills', { timeout: 600_000 }, async () => {
  const whole = join(root, 'whole')
  disk.writes = 0
  expect(await train(whole)).toMatchObject({ error: undefined })
  const all = disk.writes
  expect(all).toBeGreaterThan(60)
  const saves = new Set<number>()
  for (let room = 0; room < all; room += EACH) {
    const folder = join(root, `room ${room}`)
    disk.room = room
    const { saved, error } = await train(folder)
    disk.room = undefined
    if (error !== undefined) {
      expect(EspalierError.isInstance(error), `${room}: ${(error as Error).stack}`).toBe(true)
      expect([room, error]).toMatchObject([room, { code: 'file.write', details: { reason: 'ENOSPC' } }])
    } // the last writes are of a log that the result does not need
    saves.add(saved)
    if (saved > 0) {
      const { record, passedOver } = await findCheckpoint(true, folder)
      expect([record.position.step, passedOver]).toEqual([saved, []])
    }
    if (error !== undefined) expect((await train(folder, { resume: saved > 0 })).error).toBeUndefined()
    expect(valuesOf(folder)).toEqual(valuesOf(whole))
    expect(leftovers(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  }
  expect(saves).toEqual(new Set([0, 1, 2, 3]))
})
