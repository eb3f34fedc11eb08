/** What may lie in the folder of a run that was killed: for tests. Runs with the same seed give the same bytes, so every file can be told. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UNFINISHED } from '../run-folder/run-names.js'

/** A run that was not disturbed. */
export interface KnownRun {
  /** SHA-256 of the values after each step, the first one's at 1. */
  readonly values: ReadonlyMap<number, string>
  readonly steps: number
  readonly learningRate: number
}

/** A checkpoint that was found. */
export interface FoundCheckpoint {
  readonly path: string
  readonly step: number
}

const VALUES = 'adapter_model.safetensors'
const LEFT = /^\.(?:espalier\.lock|publication\.json|.+\.tmp$)/ // which the next run takes over, finishes or removes
const WHOLE = [
  'README.md',
  'adapter_config.json',
  VALUES,
  'tokenizer.json',
  'tokenizer_config.json',
  'trainer_state.json',
]

/** What a finished run left, to compare with. */
export function knownRun(folder: string, learningRate: number): KnownRun {
  const found = checkpointsIn(folder).map(({ path, step }) => [step, valuesOf(path)] as const)
  const steps = (json(join(folder, 'trainer_state.json')) as { global_step: number }).global_step
  return { values: new Map([...found, [steps, valuesOf(folder)]]), steps, learningRate }
}

/** Checkpoints under their final names, of the folder and of what is not published in it. */
export function allCheckpoints(folder: string): readonly FoundCheckpoint[] {
  return [folder, join(folder, UNFINISHED)].flatMap(checkpointsIn)
}

/** What a folder says that is not so. runs: those whose files may lie there. isLogFlushed: whether the log of an unfinished run is on the disk, line by line. */
export function faultsOf(
  folder: string,
  runs: readonly KnownRun[],
  { isLogFlushed = true }: { readonly isLogFlushed?: boolean } = {},
): string[] {
  const faults = [folder, join(folder, UNFINISHED)].flatMap((path) => resultFaults(path, runs, isLogFlushed))
  return [...faults, ...allCheckpoints(folder).flatMap((checkpoint) => checkpointFaults(checkpoint, runs))]
}

/** Names that a run which takes the folder next must not leave. */
export function leftovers(folder: string): string[] {
  return namesIn(folder).filter((name) => LEFT.test(name))
}

/** A folder that programs open holds all of one run, whose own account agrees; another one says nothing of a result. */
function resultFaults(folder: string, runs: readonly KnownRun[], isLogFlushed: boolean): string[] {
  const names = namesIn(folder)
  if (!names.includes('run.json'))
    return names.includes('adapter_config.json') && !folder.endsWith(UNFINISHED) ? [`${folder}: no run.json`] : []
  const { outcome, config } = json(join(folder, 'run.json')) as {
    outcome?: { steps: number }
    config: { learning_rate: number }
  }
  const run = runs.find(({ learningRate }) => learningRate === config.learning_rate)
  if (run === undefined) return [`${folder}: run.json is of no known run`]
  const isResult = names.includes('adapter_config.json') && !folder.endsWith(UNFINISHED)
  if (!isResult && !isLogFlushed) return []
  const log = lines(join(folder, 'log.jsonl'))
  const isInOrder = log.every((line, index) => (JSON.parse(line) as { step: number }).step === index + 1)
  if (!isResult) return isInOrder ? [] : [`${folder}: log.jsonl`]
  const missing = WHOLE.filter((name) => !names.includes(name))
  if (missing.length > 0) return [`${folder}: no ${missing.join(', ')}`]
  const state = json(join(folder, 'trainer_state.json')) as { global_step: number }
  return [
    ...(outcome?.steps === run.steps && state.global_step === run.steps ? [] : [`${folder}: its account`]),
    ...(isInOrder && log.length === run.steps ? [] : [`${folder}: log.jsonl`]),
    ...(valuesOf(folder) === run.values.get(run.steps) ? [] : [`${folder}: values of another run`]),
  ]
}

function checkpointFaults({ path, step }: FoundCheckpoint, runs: readonly KnownRun[]): string[] {
  const names = namesIn(path)
  const missing = WHOLE.filter((name) => !names.includes(name))
  if (missing.length > 0) return [`${path}: no ${missing.join(', ')}`]
  const state = json(join(path, 'trainer_state.json')) as { global_step: number }
  const values = valuesOf(path)
  return [
    ...(state.global_step === step ? [] : [`${path}: its state is of step ${state.global_step}`]),
    ...(runs.some((run) => run.values.get(step) === values) ? [] : [`${path}: values of another step`]),
  ]
}

function checkpointsIn(folder: string): FoundCheckpoint[] {
  return namesIn(folder).flatMap((name) => {
    const step = /^checkpoint-(\d+)$/.exec(name)?.[1]
    return step === undefined ? [] : [{ path: join(folder, name), step: Number(step) }]
  })
}

function valuesOf(folder: string): string {
  if (!namesIn(folder).includes(VALUES)) return 'none'
  return createHash('sha256')
    .update(readFileSync(join(folder, VALUES)))
    .digest('hex')
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function lines(path: string): string[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
