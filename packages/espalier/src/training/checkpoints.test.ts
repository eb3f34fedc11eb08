import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
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

/** Saves after steps 1 to 5, of which `best` has the lowest loss; the steps kept after each save and after the end, and what was called the best. */
async function kept(saveTotalLimit: number, best: number) {
  const told: (string | null)[] = []
  const texts = ({ bestModel }: SavedAs) => {
    told.push(bestModel)
    return {}
  }
  const folder = runFolder(root, { saveTotalLimit, keepsBest: true, texts })
  const steps: number[][] = []
  for (const step of [1, 2, 3, 4, 5, 6]) {
    const kind = step === 6 ? 'final' : 'checkpoint'
    const bestStep = Math.min(step, best)
    await folder.saveStep(model, { step, epoch: step, kind, bestStep, isBest: kind === 'final' || bestStep === step })
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
})
