/** A run's folder: the result, checkpoints beside it, and how many of them stay. */
import { basename, dirname, join } from 'node:path'
import { openTarget, textContent } from '@espalier/serialization'
import type { SaveContext } from '@espalier/trainer'
import { readTrainerState, TRAINER_STATE } from '../checkpoint/history.js'
import type { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { publish } from '../run-folder/publication.js'
import { CARD, checkpointName, checkpointStep, UNFINISHED } from '../run-folder/run-names.js'
import { removeWhole, writeWhole } from '../run-folder/whole-folder.js'
import { saveTo } from './save-to.js'

/** What is told of a save. */
export interface SavedAs extends SaveContext {
  /** The folder of the best evaluation, where it is kept. */
  readonly bestModel: string | null
}

/** How checkpoints are kept. */
export interface CheckpointOptions {
  readonly saveTotalLimit?: number | undefined
  /** Whether the checkpoint of the best evaluation stays, whatever the limit. Default false. */
  readonly keepsBest?: boolean
  /** Names of an earlier run's files, which stay as they are until this one has a result; by default there is none. */
  readonly replaces?: readonly string[]
  /** Where the run writes until then. Default: the folder itself, or one inside where files of an earlier run stay. */
  readonly working?: string
  /** Checkpoints of this run that lie there already, the oldest first. */
  readonly written?: readonly string[]
  /** More text files of a checkpoint or the result, by name. */
  texts?(saved: SavedAs): Promise<Readonly<Record<string, string>>>
  /** Writes the rest of a checkpoint, after all other files. */
  complete?(folder: string, context: SaveContext): Promise<void>
}

/** Writes what a model holds. */
export interface CheckpointFolder {
  readonly path: string
  /** Where the run writes until it has a result: the folder itself, or one inside where an earlier run's result stays until then. */
  readonly working: string
  /** Writes a checkpoint or the final result; where. */
  saveStep(model: PeftModel | PretrainedModel, context: SaveContext): Promise<string>
}

/** A folder for results; it is made by the first file. */
export function runFolder(path: string, options: CheckpointOptions = {}): CheckpointFolder {
  const { saveTotalLimit = Number.POSITIVE_INFINITY, keepsBest = false, replaces = [], texts, complete } = options
  const { working = replaces.length > 0 ? join(path, UNFINISHED) : path } = options
  let written: readonly string[] = options.written ?? [] // the newest last
  return {
    path,
    working,
    async saveStep(model, context) {
      const isFinal = context.kind === 'final'
      const target = isFinal ? path : join(working, checkpointName(context.step))
      const best = keepsBest ? bestOf(target, context) : null
      const bestModel = best === null || best === path ? best : isFinal ? placeAtEnd(best) : best
      const files = (await texts?.({ ...context, bestModel })) ?? {}
      const write = async (folder: string) => {
        await saveTo(folder, model)
        for (const [file, text] of Object.entries(files)) await openTarget(folder).write(file, textContent(text))
        if (!isFinal) await complete?.(folder, context)
      }
      if (!isFinal) {
        // Later ones are of a run that stopped after them and has gone on from an earlier one. They go first: whoever goes on takes the latest.
        const later = written.filter((other) => stepOf(other) > context.step)
        const same = written.filter((other) => stepOf(other) === context.step && other !== target)
        await writeWhole(target, async (beside) => {
          await write(beside)
          for (const other of later) await removeWhole(other)
        })
        for (const other of same) await removeWhole(other).catch(() => {})
        written = [...written.filter((other) => stepOf(other) < context.step), target]
      }
      const kept = keptOf(written, { saveTotalLimit, best, isFinal })
      // One that cannot be deleted takes room, and ends no run.
      for (const old of written) if (!kept.includes(old)) await removeWhole(old).catch(() => {})
      written = kept
      if (!isFinal) return target
      await keepCard(path)
      await write(join(path, UNFINISHED))
      for (const each of kept) await tellPlaces(each)
      await publish(path, replaces)
      return path
    },
  }

  /** Where a checkpoint lies once there is a result. */
  function placeAtEnd(checkpoint: string): string {
    return dirname(checkpoint) === working ? join(path, basename(checkpoint)) : checkpoint
  }

  /** What checkpoints say of the best one's place holds after they moved. */
  async function tellPlaces(checkpoint: string): Promise<void> {
    const state = await readTrainerState(checkpoint)
    const best = written.find((each) => each === state?.best_model_checkpoint)
    if (best === undefined || placeAtEnd(best) === best) return
    const told = { ...state, best_model_checkpoint: placeAtEnd(best) }
    await openTarget(checkpoint).write(TRAINER_STATE, textContent(`${JSON.stringify(told, null, 2)}\n`))
  }

  function bestOf(target: string, { best: evaluation, isBest }: SaveContext): string | null {
    const best = written.find((each) => stepOf(each) === evaluation?.step)
    return best ?? (isBest ? target : null)
  }
}

function stepOf(checkpoint: string): number {
  return checkpointStep(basename(checkpoint)) ?? 0
}

// A card that somebody wrote is kept, or brought up to date.
async function keepCard(path: string): Promise<void> {
  const card = await openTarget(path).readText(CARD)
  if (card !== undefined) await openTarget(join(path, UNFINISHED)).write(CARD, textContent(card))
}

/** As transformers counts: the best one is among the limit, and with a limit of 1 the newest stays beside it while the run goes on. */
function keptOf(
  written: readonly string[],
  { saveTotalLimit, best, isFinal }: { saveTotalLimit: number; best: string | null; isFinal: boolean },
): readonly string[] {
  const isBest = (each: string) => each === best
  const others = written.filter((folder) => !isBest(folder))
  const room = saveTotalLimit - (written.some(isBest) ? 1 : 0)
  const least = isFinal || others.at(-1) !== written.at(-1) ? 0 : 1
  const kept = others.slice(Math.max(0, others.length - Math.max(room, least)))
  return written.filter((each) => isBest(each) || kept.includes(each))
}
