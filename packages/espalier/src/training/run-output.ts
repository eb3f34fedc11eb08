/** What a run leaves in its folder, from the lock that it takes to what its end is called: the same for programs and the command line. */
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import type { SaveContext, TrainingEvent } from '@espalier/trainer'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { settle } from '../platform/settle/node.js'
import { earlierRun, isRun, requireNoRun } from '../run-folder/earlier-run.js'
import { checkOutputPlace } from '../run-folder/output-place.js'
import { startUnfinished } from '../run-folder/publication.js'
import { type RunFacts, RunFiles } from '../run-folder/run-files.js'
import { lockFolder, type RunLock } from '../run-folder/run-lock.js'
import { type CheckpointFolder, runFolder } from './checkpoints.js'
import type { TrainingArguments } from './training-arguments.js'

/** A run that is about to write. */
export interface OutputToOpen {
  readonly model: PeftModel | PretrainedModel
  readonly args: TrainingArguments
  readonly outputDir: string
  /** Files that the rows are read from, as far as they are known. */
  readonly data: readonly string[]
  /** The caller's; it is not let go of here. */
  readonly lock: RunLock | undefined
  /** Whether the run that lies there is the caller's own, which it may replace. */
  readonly isOwn: boolean
}

/** A run's folder while it runs. */
export class RunOutput {
  private files: RunFiles | undefined

  private constructor(
    private readonly args: TrainingArguments,
    private readonly folder: CheckpointFolder,
    private readonly lock: RunLock | undefined,
  ) {}

  /** Takes the folder; nothing is written yet. Throws config.value for a folder that is not the run's to write, run.locked. */
  static async open({ model, args, outputDir, data, lock, isOwn }: OutputToOpen): Promise<RunOutput> {
    const adapterNames = model instanceof PeftModel ? model.adapterNames : []
    await checkOutputPlace(outputDir, { base: model.loaded.files.path, data, adapterNames })
    const own = lock === undefined ? await lockFolder(outputDir) : undefined
    try {
      if (args.overwriteOutputDir !== true && !isOwn) await requireNoRun(outputDir)
      const earlier = await earlierRun(outputDir)
      const folder = runFolder(outputDir, {
        saveTotalLimit: args.saveTotalLimit,
        keepsBest: args.loadBestModelAtEnd === true,
        replaces: isRun(earlier) ? earlier.files : [],
        texts: async ({ bestModel, outcome, step }) => {
          if (outcome === null) return output.files?.checkpointTexts(bestModel) ?? {}
          return (await output.files?.finalTexts({ bestModel, outcome, step })) ?? {}
        },
      })
      const output = new RunOutput(args, folder, own)
      return output
    } catch (error) {
      await own?.release()
      throw error
    }
  }

  /** Starts the run's files. warn: told what cannot be written and ends no run. */
  async begin(facts: RunFacts, warn: (message: string) => void): Promise<void> {
    const { loggingSteps } = this.args
    await startUnfinished(this.folder.path)
    const options = { warn, ...(loggingSteps === undefined ? {} : { loggingSteps }) }
    this.files = await RunFiles.open(this.folder.working, facts, options)
  }

  /** Notes an event of the run. */
  note(event: TrainingEvent): void {
    this.files?.note(event)
  }

  /** Writes a checkpoint or the result; where. */
  save(model: PeftModel | PretrainedModel, context: SaveContext): Promise<string> {
    return this.folder.saveStep(model, context)
  }

  /** Lets go of the folder. failure: why there is no result, where there is none. */
  async end(failure: unknown): Promise<void> {
    if (failure !== undefined) await this.files?.failed(failure)
    await this.lock?.release()
  }
}

/** Throws for a request to go on from a checkpoint: config.unsupported with what there is, config.value where there is none, file.missing for one that lies elsewhere. */
export async function refuseToResume(resume: boolean | string, outputDir: string | undefined): Promise<void> {
  if (resume === false) return
  const from = typeof resume === 'string' ? resume : outputDir
  if (from !== undefined) await settle(from)
  const got = { resumeFromCheckpoint: resume, ...(outputDir === undefined ? {} : { outputDir }) }
  const checkpoints = outputDir === undefined ? [] : await checkpointsIn(outputDir)
  const chosen = typeof resume === 'string' ? resume : checkpoints.at(-1)
  if (chosen !== undefined)
    throw new EspalierError('config.unsupported', {
      what: 'a run cannot be continued from a checkpoint yet',
      got: { ...got, checkpoints },
      fix: `Load the adapter of ${chosen} and train it in a new outputDir, or set overwriteOutputDir without resuming`,
    })
  throw new EspalierError('config.value', {
    what: 'there is no checkpoint to go on from',
    got,
    fix: 'Leave resumeFromCheckpoint out to train from the start',
  })
}

async function checkpointsIn(outputDir: string): Promise<readonly string[]> {
  return (await earlierRun(outputDir)).checkpoints.map((name) => join(outputDir, name))
}
