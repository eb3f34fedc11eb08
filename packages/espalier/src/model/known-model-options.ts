/** What calls of a loaded model are given at run time, where no compiler has looked. */
import {
  type AddAdapterOptions,
  checkOptions,
  EspalierError,
  type MergeOptions,
  type OptionKinds,
  requireParts,
  type SetAdapterOptions,
} from '@espalier/core'
import type { SavedDType } from '@espalier/serialization'
import type { SavePeftOptions } from './peft-model.js'
import type { SavePretrainedOptions } from './pretrained-model.js'
import type { StateDictOptions } from './state-dict.js'

const SAVE: OptionKinds<SavePretrainedOptions> = {
  signal: 'signal',
  values: 'object',
  dtype: 'string',
  overwrite: 'boolean',
}
const SAVE_ADAPTERS: OptionKinds<SavePeftOptions> = { signal: 'signal', selectedAdapters: 'array' }
const DTYPES: readonly SavedDType[] = ['f32', 'f16', 'bf16']
const MERGE: OptionKinds<MergeOptions> = { adapterNames: 'array', safe: 'boolean' }
const ADD: OptionKinds<AddAdapterOptions> = {
  seed: 'seed',
  isTrainable: 'boolean',
  metadata: 'object',
  expected: 'any',
  ofBase: 'any',
}

/** Options of transformers' and PEFT's save_pretrained. */
const SAVE_OTHERS = {
  safeSerialization: 'Leave it out: safetensors is what is written',
  maxShardSize: 'Leave it out: the weights are one file',
  pushToHub: 'Upload the folder afterwards: npx espalier push',
  isMainProcess: 'Leave it out: there is one process',
  stateDict: 'Give values, by path',
  torchDtype: "Set dtype: 'f32', 'f16' or 'bf16'",
  variant: 'Leave it out: files have their usual names',
  saveEmbeddingLayers: 'Leave it out: embeddings that were trained are saved',
}

/** Options of PEFT's merge_adapter and merge_and_unload. */
const MERGE_OTHERS = {
  safeMerge: 'Set safe: true',
  progressbar: 'Leave it out: nothing in a library prints',
}

/** Throws config.* for options of a plain model's `savePretrained` that do not exist, or are of another kind. */
export function checkSaveOptions(options: SavePretrainedOptions): void {
  checkOptions('savePretrained', options, SAVE, SAVE_OTHERS)
  const { dtype } = options
  if (dtype !== undefined && !DTYPES.includes(dtype))
    throw new EspalierError('config.value', {
      what: `weights are saved in ${DTYPES.join(', ')}`,
      got: { dtype },
      fix: 'Use one of them, or leave dtype out to save in the base’s',
    })
}

/** The same for `savePretrained` of adapters. */
export function checkSaveAdaptersOptions(options: SavePeftOptions): void {
  checkOptions('savePretrained', options, SAVE_ADAPTERS, {
    ...SAVE_OTHERS,
    dtype: 'Leave it out: adapters are saved as they trained',
  })
}

/** The same for `mergeAdapter` and `mergeAndUnload`. */
export function checkMergeOptions(call: string, options: MergeOptions): void {
  checkOptions(call, options, MERGE, MERGE_OTHERS)
}

/** The same for `addAdapter`. */
export function checkAddOptions(options: AddAdapterOptions): void {
  checkOptions('addAdapter', options, ADD)
}

/** The same for `setAdapter`. */
export function checkSetOptions(options: SetAdapterOptions): void {
  checkOptions<SetAdapterOptions>('setAdapter', options, { inferenceMode: 'boolean' })
}

/** The same for `getPeftModelStateDict` and `setPeftModelStateDict`. */
export function checkStateDictOptions(call: string, options: StateDictOptions): void {
  checkOptions<StateDictOptions>(call, options, { adapterName: 'string' })
}

/** Throws config.value for what is no tokenizer. */
export function requireTokenizer(tokenizer: unknown): void {
  const fix = 'Load it first: await AutoTokenizer.fromPretrained(name)'
  requireParts('tokenizer', tokenizer, ['encode', 'idToToken'], fix)
}

/** Throws config.value for what is no model with adapters. */
export function requirePeftModel(model: unknown): void {
  requireParts(
    'model',
    model,
    ['adapted', 'adapterNames'],
    'Give what getPeftModel or PeftModel.fromPretrained returns',
  )
}
