/** A run's folder: the result, checkpoints beside it, how many of them stay, and whether another run's lie there. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { openTarget, type Target, textContent } from '@espalier/serialization'
import type { SaveContext } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { saveTokenizer } from '../model/save-tokenizer.js'
import { fullModelCard } from './model-card.js'

/** How checkpoints are kept. */
export interface CheckpointOptions {
  readonly saveTotalLimit?: number
}

/** Writes what a model holds. */
export interface CheckpointFolder {
  readonly path: string
  /** Writes a checkpoint or the final result; where. */
  saveStep(model: PeftModel | PretrainedModel, context: SaveContext): Promise<string>
}

/** A folder for results; it is made by the first file. Of the checkpoints only those that were written through it are limited: others are no part of this run. */
export function runFolder(path: string, { saveTotalLimit }: CheckpointOptions = {}): CheckpointFolder {
  const written: string[] = [] // the newest last
  return {
    path,
    async saveStep(model, { step, kind }) {
      const folder = kind === 'final' ? path : join(path, `checkpoint-${step}`)
      await saveTo(folder, model)
      if (kind === 'final' || saveTotalLimit === undefined) return folder
      const before = written.indexOf(folder)
      if (before >= 0) written.splice(before, 1)
      written.push(folder)
      for (const old of written.splice(0, Math.max(0, written.length - saveTotalLimit)))
        await rm(old, { recursive: true, force: true })
      return folder
    },
  }
}

/** Writes an adapter, or a whole model, and its tokenizer's files. */
export async function saveTo(folder: Target, model: PeftModel | PretrainedModel): Promise<void> {
  await model.savePretrained(folder)
  if (model instanceof PeftModel) await saveTokenizer(model, folder)
  else await writeCard(folder, model)
}

// A card that somebody wrote stays.
async function writeCard(folder: Target, model: PretrainedModel): Promise<void> {
  const output = openTarget(folder)
  if ((await output.readText('README.md')) === undefined)
    await output.write('README.md', textContent(fullModelCard(model)))
}

const RESULTS = ['adapter_config.json', 'adapter_model.safetensors', 'model.safetensors', 'trainer_state.json']

/** What a folder holds of an earlier run: its results and the steps of its checkpoints. */
export async function earlierRun(
  path: string,
): Promise<{ readonly results: readonly string[]; readonly checkpoints: readonly number[] }> {
  const names = await readdir(path).catch(() => [])
  return { results: names.filter((name) => RESULTS.includes(name)), checkpoints: checkpointSteps(names) }
}

/** Throws config.value when a folder holds a run already. */
export async function requireNoRun(path: string): Promise<void> {
  const { results, checkpoints } = await earlierRun(path)
  if (results.length + checkpoints.length === 0) return
  throw new EspalierError('config.value', {
    what: 'the output folder holds a run already',
    got: { outputDir: path, holds: [...results, ...checkpoints.map((step) => `checkpoint-${step}`)] },
    fix: 'Choose another outputDir, or set overwriteOutputDir',
  })
}

function checkpointSteps(names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const found = /^checkpoint-(\d+)$/.exec(name)
      return found === null ? [] : [Number(found[1])]
    })
    .sort((a, b) => a - b)
}
