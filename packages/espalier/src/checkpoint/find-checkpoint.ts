/** Which checkpoint a run goes on from, and which others of its folder are of the same run. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { EspalierError } from '@espalier/core'
import { settle } from '../platform/settle/node.js'
import { earlierRun } from '../run-folder/earlier-run.js'
import { checkpointStep, UNFINISHED } from '../run-folder/run-names.js'
import { readCheckpoint, readRecord, type TornCheckpoint, type WholeCheckpoint } from './record.js'

/** A whole checkpoint. */
export interface ResumePoint extends WholeCheckpoint {
  /** Newer ones that a crash left, and what is wrong with each. */
  readonly passedOver: readonly TornCheckpoint[]
}

/** The latest whole checkpoint of a run's folder (true), or the named one: a path, or a name in the folder. Throws config.value where there is none, checkpoint.torn, checkpoint.unfit for one that holds no training state, file.missing for one that lies elsewhere. */
export async function findCheckpoint(resume: true | string, outputDir: string | undefined): Promise<ResumePoint> {
  return typeof resume === 'string' ? named(resume, outputDir) : latest(outputDir)
}

/** Checkpoints of an output folder, the ones of an unfinished run over another one last. */
export async function checkpointsIn(outputDir: string): Promise<readonly string[]> {
  return (await earlierRun(outputDir)).checkpoints.map((name) => join(outputDir, name))
}

async function latest(outputDir: string | undefined): Promise<ResumePoint> {
  if (outputDir !== undefined) await settle(outputDir)
  const paths = outputDir === undefined ? [] : await checkpointsIn(outputDir)
  const passedOver: TornCheckpoint[] = []
  for (const path of [...paths].reverse()) {
    const found = await readCheckpoint(path)
    if (found.record !== undefined) return { ...found, passedOver }
    passedOver.push(found)
  }
  if (passedOver[0] !== undefined) throw await notWhole(passedOver[0], undefined)
  throw new EspalierError('config.value', {
    what: 'there is no checkpoint to go on from',
    got: { resumeFromCheckpoint: true, ...(outputDir === undefined ? {} : { outputDir }) },
    fix: 'Leave resumeFromCheckpoint out to train from the start',
  })
}

async function named(name: string, outputDir: string | undefined): Promise<ResumePoint> {
  const places = [name, ...(outputDir === undefined ? [] : [join(outputDir, name), join(outputDir, UNFINISHED, name)])]
  const there = await Promise.all(places.map(isFolder))
  const path = places.find((_, i) => there[i])
  await settle(path ?? name)
  if (path === undefined)
    throw new EspalierError('config.value', {
      what: 'there is no such checkpoint to go on from',
      got: {
        resumeFromCheckpoint: name,
        ...(outputDir === undefined ? {} : { checkpoints: await checkpointsIn(outputDir) }),
      },
      fix: 'Name one that is there, or give true for the latest',
    })
  const found = await readCheckpoint(path)
  if (found.record === undefined) throw await notWhole(found, await wholeBefore(path))
  return { ...found, passedOver: [] }
}

/** The newest whole one beside a checkpoint that is not. */
async function wholeBefore(path: string): Promise<string | undefined> {
  const step = checkpointStep(basenameOf(path)) ?? 0
  const beside = (await checkpointsIn(dirname(path))).filter((other) => (checkpointStep(basenameOf(other)) ?? 0) < step)
  for (const other of [...beside].reverse()) if ((await readCheckpoint(other)).record !== undefined) return other
  return undefined
}

const OF_TORCH: readonly string[] = ['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'training_args.bin'] // transformers' Trainer

/** Files of a folder in which PyTorch keeps what only it reads. */
export async function torchStates(folder: string): Promise<readonly string[]> {
  const names: readonly string[] = await readdir(folder).catch(() => [])
  return OF_TORCH.filter((name) => names.includes(name))
}

async function notWhole({ path, faults }: TornCheckpoint, before: string | undefined): Promise<EspalierError> {
  const foreign = await torchStates(path)
  if (foreign.length > 0)
    return new EspalierError('checkpoint.unfit', {
      what: 'a checkpoint of transformers’ Trainer keeps its training state in files of PyTorch, which are not read',
      got: { checkpoint: path, files: foreign },
      fix: `Start a new run from its values: load the adapter of ${path} and train it in another outputDir; its optimizer starts anew`,
    })
  return new EspalierError('checkpoint.torn', {
    what: 'a checkpoint is not whole',
    got: { checkpoint: path, faults, ...(before === undefined ? {} : { before }) },
    fix:
      before === undefined
        ? `No other one before it is. If its adapter loads, start a new run from it: load the adapter of ${path} and train it in another outputDir`
        : `Go on from the one before it: resumeFromCheckpoint: '${before}'`,
  })
}

/** Where a run that goes on writes, and what is there of it already. */
export interface Lineage {
  /** Whether the checkpoint lies in the output folder itself or in its unfinished one. */
  readonly isInside: boolean
  /** Whether some of the run's checkpoints lie in the unfinished one. */
  readonly isUnfinished: boolean
  /** Checkpoints of the same run in the folder, and such as are not whole, by step: a new one of an earlier step takes their place. */
  readonly checkpoints: readonly string[]
}

/** The checkpoints of an output folder that belong to the run of a checkpoint. */
export async function lineageOf({ path, record, passedOver }: ResumePoint, outputDir: string): Promise<Lineage> {
  const torn = new Set(passedOver.map((found) => found.path))
  const all = await checkpointsIn(outputDir)
  const records = await Promise.all(all.map(readRecord))
  const own = all.filter((each, i) => torn.has(each) || records[i]?.run === record.run)
  const place = await realFolder(dirname(path))
  const [outer, inner] = await Promise.all([outputDir, join(outputDir, UNFINISHED)].map(realFolder))
  const step = (each: string) => checkpointStep(basenameOf(each)) ?? 0
  return {
    isInside: place === outer || place === inner,
    isUnfinished: own.some((each) => dirname(each) === join(outputDir, UNFINISHED)),
    checkpoints: own.sort((a, b) => step(a) - step(b)),
  }
}

function basenameOf(path: string): string {
  return resolve(path).split(/[/\\]/).at(-1) ?? ''
}

async function realFolder(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  )
}
