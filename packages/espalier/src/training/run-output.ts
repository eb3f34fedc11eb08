/** What a run leaves in its folder, from the lock that it takes to what its end is called: the same for programs and the command line. */
import { randomUUID } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import type { SaveContext, TrainingEvent, TrainingState } from '@espalier/trainer'
import { bestBeside } from '../checkpoint/best-beside.js'
import { findCheckpoint, type Lineage, lineageOf, type ResumePoint } from '../checkpoint/find-checkpoint.js'
import type { RunHistory } from '../checkpoint/history.js'
import { sealCheckpoint } from '../checkpoint/record.js'
import { type AllowedChange, harmlessChanges, requireUnchanged, runChanges } from '../checkpoint/run-changes.js'
import type { RunIdentity } from '../checkpoint/run-identity.js'
import { readStateTensors, writeStateTensors } from '../checkpoint/state-file.js'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { type EarlierRun, earlierRun, isRun, requireNoRun } from '../run-folder/earlier-run.js'
import { checkOutputPlace } from '../run-folder/output-place.js'
import { startUnfinished } from '../run-folder/publication.js'
import { type RunFacts, RunFiles } from '../run-folder/run-files.js'
import { lockFolder, type RunLock } from '../run-folder/run-lock.js'
import { UNFINISHED } from '../run-folder/run-names.js'
import { type CheckpointFolder, runFolder, type SavedAs } from './checkpoints.js'
import type { TrainingArguments } from './training-arguments.js'

/** A run that is about to write, or to go on. */
export interface OutputToOpen {
  readonly model: PeftModel | PretrainedModel
  readonly args: TrainingArguments
  /** Without one nothing is written. */
  readonly outputDir: string | undefined
  /** Files that the rows are read from, as far as they are known. */
  readonly data: readonly string[]
  /** The caller's; it is not let go of here. */
  readonly lock: RunLock | undefined
  /** Whether the run that lies there is the caller's own, which it may replace. */
  readonly isOwn: boolean
  /** The checkpoint to go on from: true for the latest. */
  readonly resume: boolean | string
}

/** What a run begins with. */
export interface RunStart {
  readonly facts: RunFacts
  readonly identity: RunIdentity
  readonly allowed: readonly AllowedChange[]
  /** Told what cannot be written and ends no run. */
  warn(message: string): void
  /** What callbacks keep, by their names. */
  callbackStates(): Readonly<Record<string, object>>
}

/** A run's state and history where it goes on. */
export interface Resumed {
  /** What there is to know of the checkpoint: newer ones that are not whole, and what has changed. */
  readonly warnings: readonly string[]
  readonly state: TrainingState
  readonly history: RunHistory
}

/** A run's folder while it runs, and the checkpoint that it goes on from; either may be missing. */
export class RunOutput {
  private files: RunFiles | undefined
  private start: RunStart | undefined
  private readonly run: string

  private constructor(
    private readonly args: TrainingArguments,
    private readonly place: RunPlace | undefined,
    private readonly point: ResumePoint | undefined,
    private readonly lock: RunLock | undefined,
  ) {
    this.run = point?.record.run ?? randomUUID()
  }

  /** Takes the folder and finds the checkpoint; nothing is written yet. Throws config.value for a folder that is not the run's to write or has no checkpoint, run.locked, checkpoint.*. */
  static async open({ model, args, outputDir, data, lock, isOwn, resume }: OutputToOpen): Promise<RunOutput> {
    if (outputDir === undefined)
      return new RunOutput(
        args,
        undefined,
        resume === false ? undefined : await findCheckpoint(resume, undefined),
        undefined,
      )
    const adapterNames = model instanceof PeftModel ? model.adapterNames : []
    await checkOutputPlace(outputDir, { base: model.loaded.files.path, data, adapterNames })
    const own = lock === undefined ? await lockFolder(outputDir) : undefined
    try {
      const point = resume === false ? undefined : await findCheckpoint(resume, outputDir)
      const lineage = point === undefined ? undefined : await lineageOf(point, outputDir)
      if (args.overwriteOutputDir !== true && !isOwn && lineage?.isInside !== true) await requireNoRun(outputDir)
      const earlier = await earlierRun(outputDir)
      const place = placeOf(outputDir, earlier, lineage)
      const output: RunOutput = new RunOutput(
        args,
        { ...place, folder: folderAt(place, args, () => output) },
        point,
        own,
      )
      return output
    } catch (error) {
      await own?.release()
      throw error
    }
  }

  /** Looks for what has changed since the run began, and starts the run's files; what the run goes on from, where it does. Throws run.changed, checkpoint.unfit. */
  async begin(start: RunStart): Promise<Resumed | undefined> {
    this.start = start
    const { point, place, args } = this
    const resumed = point === undefined ? undefined : await resumedAt(point, start, args)
    if (place === undefined) return resumed
    if (!place.goesOnInUnfinished) await startUnfinished(place.path)
    const { warn, callbackStates } = start
    const { loggingSteps } = args
    this.files = await RunFiles.open(
      place.working,
      {
        ...start.facts,
        ...(point === undefined || resumed === undefined
          ? {}
          : { resumed: { checkpoint: point.path, step: resumed.state.step, changes: resumed.changes } }),
      },
      {
        warn,
        callbackStates,
        ...(loggingSteps === undefined ? {} : { loggingSteps }),
        ...(resumed === undefined ? {} : { earlier: resumed.history }),
      },
    )
    return resumed
  }

  /** Notes an event of the run. */
  note(event: TrainingEvent): void {
    this.files?.note(event)
  }

  /** Writes a checkpoint or the result; where. Null without a folder. */
  async save(model: PeftModel | PretrainedModel, context: SaveContext): Promise<string | null> {
    return (await this.place?.folder.saveStep(model, context)) ?? null
  }

  /** Lets go of the folder. failure: why there is no result, where there is none. */
  async end(failure: unknown): Promise<void> {
    if (failure !== undefined) await this.files?.failed(failure)
    await this.lock?.release()
  }

  /** Text files of a checkpoint or of the result. */
  async texts({ best, bestModel, outcome, step }: SavedAs): Promise<Readonly<Record<string, string>>> {
    if (outcome === null) return this.files?.checkpointTexts({ best, bestModel }) ?? {}
    return (await this.files?.finalTexts({ best, bestModel, outcome, step })) ?? {}
  }

  /** Completes a checkpoint: the state of the run, and the record that makes it whole. */
  async seal(folder: string, { state }: SaveContext): Promise<void> {
    if (this.start === undefined) return
    const { tensors, configurations, ...position } = await state()
    await writeStateTensors(folder, { ...position, tensors, configurations })
    const { run, start } = this
    await sealCheckpoint(folder, { run, position, configurations, identity: start.identity })
  }
}

interface PlaceToWrite {
  readonly path: string
  readonly working: string
  /** Files of an earlier run that go when this one has its result. */
  readonly replaces: readonly string[]
  /** The run's checkpoints so far. */
  readonly checkpoints: readonly string[]
  /** Whether the unfinished folder holds some of them, and stays. */
  readonly goesOnInUnfinished: boolean
}

interface RunPlace extends PlaceToWrite {
  readonly folder: CheckpointFolder
}

/**
 * Where a run writes: straight to its folder where no other result and no other run's checkpoint lies there, otherwise to a folder inside
 * until it has a result. Its own checkpoints stay where they are.
 */
function placeOf(path: string, earlier: EarlierRun, lineage: Lineage | undefined): PlaceToWrite {
  const { checkpoints = [], isUnfinished = false } = lineage ?? {}
  const own = checkpoints.filter((each) => dirname(each) === path).map((each) => basename(each))
  const others = earlier.files.filter((name) => !own.includes(name))
  const isAlone = earlier.results.length === 0 && !isUnfinished && lineage?.isInside === true
  const isFree = isAlone || !isRun(earlier)
  return {
    path,
    working: isFree ? path : join(path, UNFINISHED),
    replaces: isFree ? [] : others,
    checkpoints,
    goesOnInUnfinished: isUnfinished,
  }
}

function folderAt(
  { path, working, replaces, checkpoints }: PlaceToWrite,
  args: TrainingArguments,
  output: () => RunOutput,
) {
  return runFolder(path, {
    saveTotalLimit: args.saveTotalLimit,
    keepsBest: args.loadBestModelAtEnd === true,
    working,
    replaces,
    written: checkpoints,
    texts: (saved) => output().texts(saved),
    complete: (folder, context) => output().seal(folder, context),
  })
}

/** The checkpoint's run as it goes on, and what has changed since it began. Throws run.changed for what may not. */
async function resumedAt(
  { path, record, history, passedOver }: ResumePoint,
  { identity, allowed }: RunStart,
  { loadBestModelAtEnd = false }: TrainingArguments,
): Promise<Resumed & { readonly changes: readonly string[] }> {
  const changed = runChanges(record.identity, identity)
  requireUnchanged(changed, { checkpoint: path, allowed })
  const changes = [...changed.map(({ text }) => text), ...harmlessChanges(record.identity, identity)]
  const { position, configurations } = record
  const tensors = await readStateTensors(path)
  return {
    changes,
    warnings: [
      ...passedOver.map(
        ({ path: torn, faults }) => `${torn} is not whole (${faults.join('; ')}): the run goes on from ${path}`,
      ),
      ...(changes.length === 0 ? [] : [`since the run began, this has changed: ${changes.join('; ')}`]),
    ],
    state: {
      ...position,
      configurations,
      tensors: new Map([...tensors, ...(loadBestModelAtEnd ? await bestBeside(path, record, tensors) : [])]),
    },
    history,
  }
}
