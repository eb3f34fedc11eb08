/** A run's folder: the result, checkpoints beside it, how many of them stay, and whether another run's lie there. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { openTarget, type Target, textContent } from '@espalier/serialization'
import type { SaveContext } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { saveTokenizer } from '../model/save-tokenizer.js'
import { removeWhole, writeWhole } from '../run-folder/whole-folder.js'
import { fullModelCard } from './model-card.js'

/** What is told of a save. */
export interface SavedAs extends SaveContext {
  /** The folder of the lowest evaluation loss, where it is kept. */
  readonly bestModel: string | null
}

/** How checkpoints are kept. */
export interface CheckpointOptions {
  readonly saveTotalLimit?: number
  /** Whether the checkpoint of the lowest evaluation loss stays, whatever the limit. Default false. */
  readonly keepsBest?: boolean
  /** More text files of a checkpoint, by name. */
  texts?(saved: SavedAs): Readonly<Record<string, string>>
}

/** Writes what a model holds. */
export interface CheckpointFolder {
  readonly path: string
  /** Writes a checkpoint or the final result; where. */
  saveStep(model: PeftModel | PretrainedModel, context: SaveContext): Promise<string>
}

/** A folder for results; it is made by the first file. Of the checkpoints only those that were written through it are limited: others are no part of this run. */
export function runFolder(path: string, options: CheckpointOptions = {}): CheckpointFolder {
  const { saveTotalLimit = Number.POSITIVE_INFINITY, keepsBest = false } = options
  let written: readonly string[] = [] // the newest last
  return {
    path,
    async saveStep(model, context) {
      const isFinal = context.kind === 'final'
      const folder = isFinal ? path : checkpointAt(context.step)
      const bestModel = keepsBest ? bestOf(folder, context) : null
      const files = options.texts?.({ ...context, bestModel }) ?? {}
      if (isFinal) await saveTo(folder, model)
      else {
        await writeWhole(folder, async (beside) => {
          await saveTo(beside, model)
          for (const [name, text] of Object.entries(files)) await openTarget(beside).write(name, textContent(text))
        })
        written = [...written.filter((other) => other !== folder), folder]
      }
      const kept = keptOf(written, { saveTotalLimit, best: bestModel, isFinal })
      for (const old of written) if (!kept.includes(old)) await removeWhole(old)
      written = kept
      return folder
    },
  }

  function checkpointAt(step: number): string {
    return join(path, `checkpoint-${step}`)
  }

  function bestOf(folder: string, { bestStep, isBest }: SaveContext): string | null {
    const best = bestStep === null ? undefined : checkpointAt(bestStep)
    if (best !== undefined && written.includes(best)) return best
    return isBest ? folder : null
  }
}

/** As transformers counts: the best one is among the limit, and with a limit of 1 the newest stays beside it while the run goes on. */
function keptOf(
  written: readonly string[],
  { saveTotalLimit, best, isFinal }: { saveTotalLimit: number; best: string | null; isFinal: boolean },
): readonly string[] {
  const isBest = (folder: string) => folder === best
  const others = written.filter((folder) => !isBest(folder))
  const room = saveTotalLimit - (written.some(isBest) ? 1 : 0)
  const least = isFinal || others.at(-1) !== written.at(-1) ? 0 : 1
  const kept = others.slice(Math.max(0, others.length - Math.max(room, least)))
  return written.filter((folder) => isBest(folder) || kept.includes(folder))
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
