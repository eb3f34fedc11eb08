/** What a folder holds of an earlier run or a model: whether a new one may write there, and what it replaces. */
import { readdir } from 'node:fs/promises'
import { EspalierError } from '@espalier/core'

/** What was found, by name. */
export interface EarlierRun {
  /** Files that are a result: they make a folder one that a run, a merge or a person has written. */
  readonly results: readonly string[]
  /** Steps of its checkpoints, the first one first. */
  readonly checkpoints: readonly number[]
  /** All files and folders that go when another result takes its place. */
  readonly files: readonly string[]
}

const RESULTS = ['adapter_config.json', 'adapter_model.safetensors', 'model.safetensors', 'trainer_state.json']
const CHECKPOINT = /^checkpoint-(\d+)$/
const OF_RUN = /^(?:run\.json|log\.jsonl|trainer_state\.json|report\.html|checkpoint-\d+)$/
const OF_ADAPTER = /^adapter_(?:config\.json|model\.(?:safetensors|bin))$/
const OF_MODEL = /^(?:(?:generation_)?config\.json|model(?:-\d+-of-\d+)?\.safetensors(?:\.index\.json)?)$/
const OF_TOKENIZER =
  /^(?:tokenizer(?:_config)?\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(?:json|txt)|merges\.txt|(?:spiece|tokenizer)\.model|chat_template\.(?:jinja|json))$/

/** What a folder holds; one that is not there holds nothing. */
export async function earlierRun(path: string): Promise<EarlierRun> {
  const names: readonly string[] = await readdir(path).catch(() => [])
  const isModel = names.some((name) => name.startsWith('model') && OF_MODEL.test(name))
  const isAdapter = names.includes('adapter_config.json')
  // A config.json without weights beside it is somebody else's.
  const kinds = [OF_RUN, OF_ADAPTER, ...(isModel ? [OF_MODEL] : []), ...(isModel || isAdapter ? [OF_TOKENIZER] : [])]
  return {
    results: names.filter((name) => RESULTS.includes(name)),
    checkpoints: names
      .flatMap((name) => {
        const step = CHECKPOINT.exec(name)?.[1]
        return step === undefined ? [] : [Number(step)]
      })
      .sort((a, b) => a - b),
    files: names.filter((name) => kinds.some((kind) => kind.test(name))),
  }
}

/** Whether a name is one of a run's, a model's or an adapter's own files and folders: all that a result may replace. */
export function isOfResult(name: string): boolean {
  return [OF_RUN, OF_ADAPTER, OF_MODEL, OF_TOKENIZER].some((kind) => kind.test(name))
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
    got: { outputDir: path, holds: [...results, ...checkpoints.map((step) => `checkpoint-${step}`)] },
    fix: 'Choose another outputDir, or set overwriteOutputDir',
  })
}
