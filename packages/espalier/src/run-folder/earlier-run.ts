/** What a folder holds of an earlier run or a model: whether a new one may write there, and what it replaces. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EspalierError } from '@espalier/core'
import { checkpointName, checkpointStep, OF_ADAPTER, OF_MODEL, OF_RUN, OF_TOKENIZER, UNFINISHED } from './run-names.js'

/** What was found, by name. */
export interface EarlierRun {
  /** Files that are a result: they make a folder one that a run, a merge or a person has written. */
  readonly results: readonly string[]
  /** Its checkpoints, the first step first; then those of a run over it that came to no result. */
  readonly checkpoints: readonly string[]
  /** All files and folders that go when another result takes its place. */
  readonly files: readonly string[]
}

// Weights in shards and those of PyTorch are a model too.
const OF_WEIGHTS = /^(?:model.*\.safetensors|pytorch_model.*\.bin)(?:\.index\.json)?$/
const RESULTS = [OF_ADAPTER, OF_WEIGHTS, /^trainer_state\.json$/]

/** What a folder holds; one that is not there holds nothing. */
export async function earlierRun(path: string): Promise<EarlierRun> {
  const [names = [], inside = []] = await Promise.all([path, join(path, UNFINISHED)].map(namesIn))
  const unfinished = checkpointsAmong(inside)
  const isModel = names.some((name) => name.startsWith('model') && OF_MODEL.test(name))
  const isAdapter = names.includes('adapter_config.json')
  // A config.json without weights beside it is somebody else's.
  const kinds = [OF_RUN, OF_ADAPTER, ...(isModel ? [OF_MODEL] : []), ...(isModel || isAdapter ? [OF_TOKENIZER] : [])]
  return {
    results: names.filter((name) => RESULTS.some((kind) => kind.test(name))),
    checkpoints: [...checkpointsAmong(names), ...unfinished.map((name) => `${UNFINISHED}/${name}`)],
    files: names.filter((name) => kinds.some((kind) => kind.test(name))),
  }
}

/** Whether it is one that nobody writes over unasked. */
export function isRun({ results, checkpoints }: EarlierRun): boolean {
  return results.length + checkpoints.length > 0
}

/** Throws config.value when a folder holds a run already. */
export async function requireNoRun(path: string): Promise<void> {
  const found = await earlierRun(path)
  if (!isRun(found)) return
  const { results, checkpoints } = found
  throw new EspalierError('config.value', {
    what: 'the output folder holds a run already',
    got: { outputDir: path, holds: [...results, ...checkpoints] },
    fix: 'Choose another outputDir, or set overwriteOutputDir',
  })
}

function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => [])
}

function checkpointsAmong(names: readonly string[]): readonly string[] {
  return names
    .flatMap((name) => checkpointStep(name) ?? [])
    .sort((a, b) => a - b)
    .map(checkpointName)
}
