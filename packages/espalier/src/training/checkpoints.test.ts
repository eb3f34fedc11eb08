import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import type { RunOutcome } from '@espalier/trainer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { earlierRun } from '../run-folder/earlier-run.js'
import { UNFINISHED } from '../run-folder/run-names.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { runFolder, type SavedAs } from './checkpoints.js'

let root = ''
let model: PretrainedModel
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'espalier-checkpoints-'))
  model = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
})
afterEach(async () => {
  await model.close()
  rmSync(root, { recursive: true, force: true })
})

const state = () => Promise.reject(new Error('nobody asks for it'))
const DONE: RunOutcome = { reason: 'done', trainingLoss: 1, seconds: 1 }

/** Saves after steps 1 to 5, of which `best` has the lowest loss; the steps kept after each save and after the end, and what was called the best. */
async function kept(saveTotalLimit: number, best: number) {
  const told: (string | null)[] = []
  const texts = async ({ bestModel }: SavedAs) => {
    told.push(bestModel)
    return {}
  }
  const folder = runFolder(root, { saveTotalLimit, keepsBest: true, texts })
  const steps: number[][] = []
  for (const step of [1, 2, 3, 4, 5, 6]) {
    const kind = step === 6 ? 'final' : 'checkpoint'
    const bestStep = Math.min(step, best)
    const outcome = kind === 'final' ? DONE : null
    const isBest = kind === 'final' || bestStep === step
    await folder.saveStep(model, {
      step,
      epoch: step,
      kind,
      best: { metric: 1, step: bestStep },
      isBest,
      outcome,
      state,
    })
    steps.push(readdirSync(root).flatMap((name) => (name.startsWith('checkpoint-') ? [Number(name.slice(11))] : [])))
  }
  return { steps, told }
}

describe('runFolder', { timeout: 60_000 }, () => {
  it('keeps the best checkpoint within the limit, names it, and keeps the newest beside it until the end', async () => {
    const { steps, told } = await kept(1, 2)
    expect(steps).toEqual([[1], [2], [2, 3], [2, 4], [2, 5], [2]])
    expect(told).toEqual([1, 2, 2, 2, 2, 2].map((step) => join(root, `checkpoint-${step}`)))
  })

  it('counts the best one among two', async () => {
    expect((await kept(2, 1)).steps).toEqual([[1], [1, 2], [1, 3], [1, 4], [1, 5], [1, 5]])
  })

  it('names its own folder when the best values were saved at the end only', async () => {
    expect((await kept(3, 6)).told.at(-1)).toBe(root)
  })

  it('leaves no checkpoint under its name that is not whole', async () => {
    const texts = async ({ step }: SavedAs): Promise<Record<string, string>> =>
      step === 2 ? { '../outside': '' } : { 'note.txt': String(step) } // which is refused, after the values were written
    const folder = runFolder(root, { texts })
    const context = { epoch: 1, kind: 'checkpoint', best: null, isBest: false, outcome: null, state } as const
    await folder.saveStep(model, { ...context, step: 1 })
    await expect(folder.saveStep(model, { ...context, step: 2 })).rejects.toMatchObject({ code: 'file.name' })
    expect(readdirSync(root)).toEqual(['checkpoint-1'])
    expect(readFileSync(join(root, 'checkpoint-1', 'note.txt'), 'utf8')).toBe('1')
  })

  it('leaves an earlier run as it is until its own result takes its place, checkpoints and all', async () => {
    for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'run.json', 'rows.jsonl', 'README.md'])
      writeFileSync(join(root, name), 'earlier')
    mkdirSync(join(root, 'checkpoint-7'))
    const before = readdirSync(root)
    const texts = async ({ bestModel }: SavedAs) => ({
      'trainer_state.json': JSON.stringify({ best_model_checkpoint: bestModel }),
    })
    const { files: replaces } = await earlierRun(root)
    const folder = runFolder(root, { replaces, texts, keepsBest: true })
    const working = join(root, UNFINISHED)
    const context = { step: 2, epoch: 1, best: { metric: 1, step: 2 }, isBest: true, state } as const
    const saved = await folder.saveStep(model, { ...context, kind: 'checkpoint', outcome: null })
    expect(saved).toBe(join(working, 'checkpoint-2'))
    expect(readdirSync(root)).toEqual([...before, UNFINISHED].sort())
    expect(await folder.saveStep(model, { ...context, kind: 'final', outcome: DONE })).toBe(root)
    const names = readdirSync(root)
    expect(names).toEqual(expect.arrayContaining(['checkpoint-2', 'config.json', 'model.safetensors', 'rows.jsonl']))
    for (const gone of ['adapter_config.json', 'adapter_model.safetensors', 'run.json', 'checkpoint-7', UNFINISHED])
      expect(names).not.toContain(gone)
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toBe('earlier')
    const told = JSON.parse(readFileSync(join(root, 'checkpoint-2', 'trainer_state.json'), 'utf8')) as unknown
    expect(told).toEqual({ best_model_checkpoint: join(root, 'checkpoint-2') })
  })
})
