/** Which files of a repository are worth downloading. */
import { EspalierError } from '@espalier/core'

/** A group of files: the model's configuration, its tokenizer, its weights, a PEFT adapter. */
export type FileGroup = 'config' | 'tokenizer' | 'weights' | 'adapter'

/** Every group. */
export const fileGroups: readonly FileGroup[] = ['config', 'tokenizer', 'weights', 'adapter']

const named: Readonly<Record<Exclude<FileGroup, 'weights'>, readonly string[]>> = {
  config: ['config.json', 'generation_config.json', 'adapter_config.json'], // the last tells an adapter from a model
  tokenizer: [
    'tokenizer.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'added_tokens.json',
    'vocab.json',
    'vocab.txt',
    'merges.txt',
    'tokenizer.model',
    'spiece.model',
    'sentencepiece.bpe.model',
    'spm.model',
    'tekken.json',
    'tiktoken.model',
    'chat_template.jinja',
    'chat_template.json',
  ],
  adapter: ['adapter_config.json', 'adapter_model.safetensors'],
}

/** The index of a sharded model. */
export const WEIGHT_INDEX = 'model.safetensors.index.json'

/**
 * The names, out of those a repository has, that the groups need. The shards of an index are not among them: the index names them.
 * Throws model.pickle when the weights are only there as a pickle.
 */
export function wantedFiles(
  present: readonly string[],
  groups: readonly FileGroup[],
  repository: string,
): readonly string[] {
  const wanted = new Set(groups.flatMap((group) => (group === 'weights' ? [] : named[group])))
  if (groups.includes('weights')) wanted.add(present.includes('model.safetensors') ? 'model.safetensors' : WEIGHT_INDEX)
  const found = present.filter((name) => wanted.has(name))
  const only = (pattern: RegExp, instead: readonly string[]) =>
    instead.some((name) => present.includes(name)) ? [] : present.filter((name) => pattern.test(name))
  const pickles = [
    ...(groups.includes('weights')
      ? only(/^pytorch_model.*\.bin$/, ['model.safetensors', WEIGHT_INDEX, 'adapter_model.safetensors'])
      : []),
    ...(groups.includes('adapter') ? only(/^adapter_model\.bin$/, ['adapter_model.safetensors']) : []),
  ]
  if (pickles.length > 0) {
    throw new EspalierError('model.pickle', {
      what: 'the weights are only there as a Python pickle, which can run code when it is opened',
      got: { repository, files: pickles },
      fix: 'Open it once in Python and save it again with save_pretrained, which writes safetensors.',
    })
  }
  return found
}
