/** What a run, a merge and what guards them call their files and folders in an output folder. Knows no disk. */

/** Where what is not published yet lies in its folder. */
export const UNFINISHED = 'unfinished-run'
/** The record of a result that takes its place. */
export const RECORD = '.publication.json'
/** The lock of a folder that is written to. */
export const LOCK_FILE = '.espalier.lock'
/** The card, which is kept and brought up to date. */
export const CARD = 'README.md'

/** A run's own files. */
export const OF_RUN = /^(?:run\.json|log\.jsonl|trainer_state\.json|report\.html|checkpoint-\d+)$/
/** An adapter's. */
export const OF_ADAPTER = /^adapter_(?:config\.json|model\.(?:safetensors|bin))$/
/** A model's. */
export const OF_MODEL = /^(?:(?:generation_)?config\.json|model(?:-\d+-of-\d+)?\.safetensors(?:\.index\.json)?)$/
/** A tokenizer's, of either. */
export const OF_TOKENIZER =
  /^(?:tokenizer(?:_config)?\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(?:json|txt)|merges\.txt|(?:spiece|tokenizer)\.model|chat_template\.(?:jinja|json))$/

const CHECKPOINT = /^checkpoint-(\d+)$/

/** The name of a step's checkpoint. */
export function checkpointName(step: number): string {
  return `checkpoint-${step}`
}

/** The step of a checkpoint's name; undefined for another name. */
export function checkpointStep(name: string): number | undefined {
  const step = CHECKPOINT.exec(name)?.[1]
  return step === undefined ? undefined : Number(step)
}

/** Whether a name is one of a run's, a model's or an adapter's own files and folders: all that a result may replace. */
export function isOfResult(name: string): boolean {
  return [OF_RUN, OF_ADAPTER, OF_MODEL, OF_TOKENIZER].some((kind) => kind.test(name))
}

/** What a run writes under a name; undefined where it is none of its names. */
export function kindOf(name: string): 'file' | 'folder' | undefined {
  if (name === UNFINISHED || checkpointStep(name) !== undefined) return 'folder'
  return isOfResult(name) || [RECORD, LOCK_FILE, CARD].includes(name) ? 'file' : undefined
}
