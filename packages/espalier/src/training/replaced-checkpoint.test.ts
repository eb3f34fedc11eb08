/** A run that is killed while it replaces the only checkpoint that it keeps by another one of the same step. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type * as Promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { leftovers } from '../cli/killed-runs.fake.js'
import { AutoModelForCausalLM, lora, type PretrainedModel, SFTTrainer, type TrainingEvent } from '../index.js'
import { checkpointStep, LOCK_FILE, RECORD, UNFINISHED } from '../run-folder/run-names.js'
import { tinyModelFiles, tinyRows } from '../tiny-model.fake.js'

const disk = vi.hoisted(() => ({ onRename: undefined as (() => void) | undefined }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Promises>()
  const rename = async (from: string, to: string) => {
    await real.rename(from, to)
    disk.onRename?.()
  }
  return { ...real, rename }
})

let root = ''
let model: PretrainedModel
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-replaced-'))
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterAll(async () => {
  await model.close()
  rmSync(root, { recursive: true, force: true })
})

/** Trains in a folder; the step that it began with. */
async function train(outputDir: string, { stopsAt = 0, resume = false } = {}) {
  let began = -1
  const run = new SFTTrainer({
    model,
    peftConfig: lora({ r: 1 }),
    trainDataset: tinyRows.slice(0, 2),
    onEvent(event: TrainingEvent) {
      if (event.type === 'start') began = event.step
      if (event.type === 'step' && event.step === stopsAt) run.stop() // it saves, and what is due there is due still
    },
    args: { outputDir, learningRate: 0.01, maxSteps: 3, saveSteps: 1, saveTotalLimit: 1 },
  }).train({ resumeFromCheckpoint: resume })
  await run
  return began
}

const valuesOf = (folder: string) => readFileSync(join(folder, 'adapter_model.safetensors'))
const namesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder) : [])
const hasCheckpoint = (folder: string) =>
  [folder, join(folder, UNFINISHED)].flatMap(namesIn).some((name) => checkpointStep(name) !== undefined)

it.each([
  ['of a run that has no result yet', true],
  ['beside the result that it had when it was stopped', false],
])('stays at each moment: %s', async (name, isKilled) => {
  const [whole, stopped] = [join(root, `${name}, whole`), join(root, name)]
  await train(whole)
  await train(stopped, { stopsAt: 2 })
  if (isKilled)
    for (const file of readdirSync(stopped))
      if (file !== 'checkpoint-2') rmSync(join(stopped, file), { recursive: true })
  const killed: string[] = []
  const unnamed: string[] = []
  disk.onRename = () => {
    const folder = join(root, `${name}, ${killed.length}`)
    cpSync(stopped, folder, { recursive: true })
    rmSync(join(folder, LOCK_FILE), { force: true })
    killed.push(folder)
    if (!hasCheckpoint(folder)) unnamed.push(folder)
  }
  expect(await train(stopped, { resume: true })).toBe(2)
  disk.onRename = undefined
  expect(unnamed).toHaveLength(isKilled ? 1 : 0)
  const last = killed.findIndex((folder) => namesIn(folder).includes(RECORD))
  for (const folder of new Set([...unnamed, ...killed.slice(0, last).filter((_, i) => i % 8 === 0)])) {
    expect(await train(folder, { resume: true })).toBeGreaterThanOrEqual(2)
    expect(valuesOf(folder)).toEqual(valuesOf(whole))
  }
  for (const folder of unnamed) expect(leftovers(folder).filter((file) => file.includes('replaced'))).toEqual([])
})
