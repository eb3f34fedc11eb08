/** A run's folder: the result, checkpoints beside it, and how many of them stay. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FullModel, type TrainableModel } from '@espalier/core'
import type { SaveContext } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { saveTokenizer } from '../model/save-tokenizer.js'

/** How checkpoints are kept. */
export interface CheckpointOptions {
  readonly saveTotalLimit?: number
}

/** Writes what a model holds. */
export interface CheckpointFolder {
  readonly path: string
  save(model: PeftModel | PretrainedModel, trainable: TrainableModel): Promise<void>
  /** Writes a checkpoint or the final result; where. */
  saveStep(model: PeftModel | PretrainedModel, trainable: TrainableModel, context: SaveContext): Promise<string>
}

/** Opens a folder for results; it is made if needed. */
export async function openRunFolder(path: string, options: CheckpointOptions = {}): Promise<CheckpointFolder> {
  await mkdir(path, { recursive: true })
  return {
    path,
    save: (model, trainable) => saveTo(path, model, trainable),
    async saveStep(model, trainable, { step, kind }) {
      const folder = kind === 'final' ? path : join(path, `checkpoint-${step}`)
      await saveTo(folder, model, trainable)
      if (kind === 'checkpoint' && options.saveTotalLimit !== undefined)
        await removeOldest(path, options.saveTotalLimit)
      return folder
    },
  }
}

async function saveTo(folder: string, model: PeftModel | PretrainedModel, trainable: TrainableModel): Promise<void> {
  if (model instanceof PeftModel) {
    await model.savePretrained(folder)
    await saveTokenizer(model, folder)
  } else if (trainable instanceof FullModel) await model.savePretrained(folder, { values: await trainable.trainable() })
}

async function removeOldest(path: string, limit: number): Promise<void> {
  const steps = (await readdir(path)).flatMap((name) => {
    const found = /^checkpoint-(\d+)$/.exec(name)
    return found === null ? [] : [Number(found[1])]
  })
  steps.sort((a, b) => a - b)
  for (const step of steps.slice(0, Math.max(0, steps.length - Math.max(limit, 1))))
    await rm(join(path, `checkpoint-${step}`), { recursive: true })
}
